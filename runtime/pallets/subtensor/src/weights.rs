//! Weights of the calls and of the hooks: time on the reference machine, and size of the proof
//! (which an embedded chain does not need: 0).
//!
//! Each figure is time in the project's own host with a safety factor, rounded up; the script
//! `scripts/bench/weights` measures them and states the factor. A call that walks a whole subnet
//! or a whole stake map is weighed for the largest that limits allow; an epoch, for what it found
//! to do.

use frame_support::weights::{
    constants::{WEIGHT_REF_TIME_PER_MICROS, WEIGHT_REF_TIME_PER_NANOS},
    Weight,
};

/// What one epoch of a subnet had to do. Anybody may lend stake to a neuron, so all but the first
/// two grow with what others did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EpochLoad {
    pub neurons: u32,
    /// Mechanisms on which rows of weights are compared: none without consensus.
    pub mechanisms: u32,
    /// Parents of its neurons, each counted with every neuron that it lends to.
    pub parents: u32,
    /// Hotkeys that had dividends: validators, and parents of validators.
    pub earners: u32,
    /// Announcements of child keys that were looked at.
    pub announcements: u32,
    /// Children named by those of them that took effect.
    pub children: u32,
    /// Positions of leases' stake that were moved, or tried.
    pub moved: u32,
    /// Timelocked weights that were read for the time of each neuron's oldest.
    pub sealed: u32,
}

/// How many there are, as weights count.
pub(crate) fn count(items: impl IntoIterator<IntoIter: ExactSizeIterator>) -> u32 {
    u32::try_from(items.into_iter().len()).unwrap_or(u32::MAX)
}

/// What several things take together.
pub(crate) fn sum_of(weights: impl IntoIterator<Item = Weight>) -> Weight {
    weights.into_iter().fold(Weight::zero(), Weight::saturating_add)
}

pub trait WeightInfo {
    /// Every subnet's part of a block's hooks, its epoch apart.
    fn subnets(count: u32) -> Weight;
    /// One epoch of a subnet.
    fn epoch(load: &EpochLoad) -> Weight;
    fn set_weights(weights: u32) -> Weight;
    fn commit_weights() -> Weight;
    fn commit_timelocked_weights() -> Weight;
    /// Timelocked weights that are read from their queue, and written back.
    fn read_timelocked(commits: u32) -> Weight;
    /// Timelocked weights that were tried to be opened, and set if that went well.
    fn reveal_timelocked(commits: u32) -> Weight;
    fn reveal_weights(weights: u32) -> Weight;
    fn add_stake() -> Weight;
    fn move_stake() -> Weight;
    fn move_stake_limit() -> Weight;
    fn remove_stake() -> Weight;
    fn unstake_all() -> Weight;
    fn lock() -> Weight;
    fn serve() -> Weight;
    fn register(neurons: u32) -> Weight;
    fn trim(neurons: u32) -> Weight;
    fn root_register() -> Weight;
    fn register_network() -> Weight;
    fn dissolve_network() -> Weight;
    fn register_leased_network(contributors: u32) -> Weight;
    fn terminate_lease(moved: u32) -> Weight;
    fn start_call() -> Weight;
    fn set_take() -> Weight;
    fn set_children(children: u32) -> Weight;
    fn claim_root() -> Weight;
    fn set_identity() -> Weight;
    fn associate() -> Weight;
    fn associate_evm_key() -> Weight;
    fn announce_coldkey_swap() -> Weight;
    fn swap_coldkey(positions: u32) -> Weight;
    fn swap_hotkey(positions: u32) -> Weight;
}

const fn micros(count: u64) -> Weight {
    Weight::from_parts(WEIGHT_REF_TIME_PER_MICROS.saturating_mul(count), 0)
}

const fn nanos(count: u64) -> Weight {
    Weight::from_parts(WEIGHT_REF_TIME_PER_NANOS.saturating_mul(count), 0)
}

// Microseconds of an epoch's parts.

/// A parent of a neuron: its stake, for the neuron's weight and again for its dividends.
const PARENT: u64 = 30;

/// A hotkey that is paid dividends: its owner, its stakers on the subnet, its stakers on root.
const EARNER: u64 = 700;

/// An announcement of child keys, and the children that it replaces.
const ANNOUNCEMENT: u64 = 400;

/// A child of an announcement that takes effect. If all its places for parents are taken, what each
/// of those lends is compared.
const CHILD: u64 = 1_000;

/// A position of a lease's stake that becomes another coldkey's.
const MOVED: u64 = 1_300;

/// What of a coldkey's stake is not locked: its lock, and its stake behind as many hotkeys as count.
const FREE_STAKE: u64 = 900;

impl WeightInfo for () {
    /// Its emission, its prices, its flows.
    fn subnets(count: u32) -> Weight {
        micros(1_000).saturating_mul(count.into())
    }

    /// Each neuron is read, and paid as a validator and as a miner; on each mechanism it may have a
    /// row of weights and of bonds with an entry for every other neuron. The stake of each of its
    /// parents is read twice. Earners beyond as many as there are neurons are paid besides.
    fn epoch(load: &EpochLoad) -> Weight {
        let neurons = u64::from(load.neurons);
        let entries = neurons.saturating_mul(neurons).saturating_mul(load.mechanisms.into());
        let earners = u64::from(load.earners).saturating_sub(neurons);
        micros(4_000)
            .saturating_add(micros(600).saturating_mul(neurons))
            .saturating_add(nanos(1_700).saturating_mul(entries))
            .saturating_add(micros(PARENT).saturating_mul(load.parents.into()))
            .saturating_add(micros(EARNER).saturating_mul(earners))
            .saturating_add(micros(ANNOUNCEMENT).saturating_mul(load.announcements.into()))
            .saturating_add(micros(CHILD).saturating_mul(load.children.into()))
            .saturating_add(micros(MOVED).saturating_mul(load.moved.into()))
            .saturating_add(Self::read_timelocked(load.sealed))
    }

    /// Grows with the row: its entries are sorted, scaled and written.
    fn set_weights(weights: u32) -> Weight {
        micros(400).saturating_add(micros(2).saturating_mul(weights.into()))
    }

    fn commit_weights() -> Weight {
        micros(700)
    }

    /// The host writes all that is sealed for one epoch anew; and the opening, which is nobody's call.
    fn commit_timelocked_weights() -> Weight {
        micros(20_000).saturating_add(Self::reveal_timelocked(1))
    }

    /// Up to five kilobytes each, and whose it is looked up: 25 microseconds. A queue that is full
    /// has 896.
    fn read_timelocked(commits: u32) -> Weight {
        micros(85).saturating_mul(commits.into())
    }

    /// A pairing, a point multiplied, and a row to be set: 27 ms.
    fn reveal_timelocked(commits: u32) -> Weight {
        micros(90_000).saturating_mul(commits.into())
    }

    /// A row to be hashed, then set.
    fn reveal_weights(weights: u32) -> Weight {
        Self::set_weights(weights).saturating_add(micros(100))
    }

    fn add_stake() -> Weight {
        micros(1_300)
    }

    /// A sale, of stake that may be locked.
    fn remove_stake() -> Weight {
        micros(1_300 + FREE_STAKE)
    }

    /// A sale and a purchase; inside a subnet, of a lock that goes along.
    fn move_stake() -> Weight {
        micros(2_000 + FREE_STAKE)
    }

    /// The same, after up to 64 pairs of trades that are only foreseen.
    fn move_stake_limit() -> Weight {
        micros(6_000 + FREE_STAKE)
    }

    /// A sale on each of 128 subnets.
    fn unstake_all() -> Weight {
        micros(128 * (1_300 + FREE_STAKE))
    }

    /// The stake that there is, and a lock and a bucket put in the place of others.
    fn lock() -> Weight {
        micros(1_300 + FREE_STAKE)
    }

    fn serve() -> Weight {
        micros(800)
    }

    /// Replacing a neuron reads and may write the rows of all validators, on both mechanisms.
    fn register(neurons: u32) -> Weight {
        let many = u64::from(neurons).saturating_sub(256);
        micros(28_000).saturating_add(micros(60).saturating_mul(many))
    }

    /// Reads every neuron and moves its slot and rows: of as many validators as there may be with
    /// consensus, or one's, or what frozen bonds there are.
    fn trim(neurons: u32) -> Weight {
        micros(60_000).saturating_add(micros(600).saturating_mul(neurons.into()))
    }

    /// Reads the stake of 64 seats.
    fn root_register() -> Weight {
        micros(3_500)
    }

    /// May end a subnet; see [`WeightInfo::dissolve_network`].
    fn register_network() -> Weight {
        micros(241_000)
    }

    /// Walks all stake on the chain and all neurons of the subnet.
    fn dissolve_network() -> Weight {
        micros(240_000)
    }

    /// The same, and a transfer and a share for each contributor.
    fn register_leased_network(contributors: u32) -> Weight {
        Self::register_network()
            .saturating_add(micros(2_000))
            .saturating_add(micros(600).saturating_mul(contributors.into()))
    }

    /// What waits is paid out; the rest of the stake, the balance and the subnet change hands.
    fn terminate_lease(moved: u32) -> Weight {
        micros(6_000).saturating_add(micros(MOVED).saturating_mul(moved.into()))
    }

    fn start_call() -> Weight {
        micros(500)
    }

    /// Looks at the parents and children of a few keys. On a subnet that has not started it takes
    /// effect at once.
    fn set_children(children: u32) -> Weight {
        micros(400).saturating_add(micros(CHILD).saturating_mul(children.into()))
    }

    /// Sells on every subnet that a validator's root stake has earned on.
    fn claim_root() -> Weight {
        micros(128 * 1_300)
    }

    fn set_take() -> Weight {
        micros(500)
    }

    fn set_identity() -> Weight {
        micros(700)
    }

    fn associate() -> Weight {
        micros(700)
    }

    /// Recovers a key from a signature, which the host does without a library in C, and looks through
    /// the slots of two keys.
    fn associate_evm_key() -> Weight {
        micros(50_000)
    }

    fn announce_coldkey_swap() -> Weight {
        micros(500)
    }

    /// Looks at every subnet; each hotkey and each position of stake is written anew.
    fn swap_coldkey(positions: u32) -> Weight {
        micros(30_000).saturating_add(micros(300).saturating_mul(positions.into()))
    }

    /// Looks at every subnet and its announcements of child keys; as above.
    fn swap_hotkey(positions: u32) -> Weight {
        micros(60_000).saturating_add(micros(400).saturating_mul(positions.into()))
    }
}
