//! Timelocked weights that the beacon has opened (see `neurons/timelocked`).
//!
//! Right before a subnet's epoch, what was committed for it is opened; what its round did not open
//! by then is tried again when another round comes to be known, until the next epoch. Opening is
//! dear, so a block opens no more than [`OPENED_PER_BLOCK`] and the next goes on. Whose epoch is due
//! comes first, each with an equal share; then the subnets take turns, beginning after the last that
//! was served. Within a subnet those come first whose row counts, and what of theirs could not be
//! opened for want of room stays until it is, also beyond its epoch; the others' rows are dropped
//! then. A queue is read only if one of its rounds is known: nothing that was sealed to another costs
//! the blocks between.
//!
//! Publicly every block tries everything that has not been opened. That is the same but where a
//! subnet's settings change between two epochs, and then one of the two is close.

use crate::{weights::sum_of, *};
use alloc::vec::Vec;
use frame_support::{traits::Get, weights::Weight};

/// Timelocked weights that are opened in one block. Each takes 27 ms and declares 90. With the texts
/// that `pallet-commitments` opens that is one second, a quarter of what a block may declare: half is
/// for epochs, and a quarter stays for extrinsics even where both are full.
pub const OPENED_PER_BLOCK: u32 = 8;

/// What a block keeps of that for those who already wait for room, so that subnets whose epochs are
/// due do not take all of it time and again.
const KEPT_FOR_WAITING: u32 = OPENED_PER_BLOCK / 2;

/// What opening took.
#[derive(Default)]
struct Done {
    /// Rows that were tried.
    opened: u32,
    /// Rows that were read, in their queues.
    read: u32,
    /// Queues that were looked at.
    queues: u32,
    /// Rounds of which it was asked whether they are known.
    rounds: u32,
}

impl Done {
    fn add(&mut self, more: &Self) {
        self.opened = self.opened.saturating_add(more.opened);
        self.read = self.read.saturating_add(more.read);
        self.queues = self.queues.saturating_add(more.queues);
        self.rounds = self.rounds.saturating_add(more.rounds);
    }
}

/// A queue of sealed rows: those of one mechanism that were committed in one epoch.
struct Queue {
    netuid: NetUid,
    mechanism: MechId,
    index: NetUidStorageIndex,
    committed: u64,
    /// Its time is over: what its rounds have not opened is gone.
    is_over: bool,
}

/// Which rows of a queue.
#[derive(Clone, Copy)]
enum Rows {
    /// Those of the owner and of who has a permit.
    ThatCount,
    /// Who has no permit sets no row but on itself, which no epoch counts. So these come last, and not
    /// at all once they are late, or whoever registers could hold up validators.
    Others,
}

impl<T: Config> Pallet<T> {
    /// Opens what may be opened before the epochs of `block`, and what came to be known since; answers
    /// what that took.
    pub(super) fn open_timelocked(block: u64, subnets: &[NetUid]) -> Weight {
        let waited = RevealsWait::<T>::get();
        let (due, rest): (Vec<NetUid>, Vec<NetUid>) =
            subnets.iter().copied().partition(|netuid| Self::epoch_is_due(*netuid, block));
        let more = waited || T::Beacon::has_news();
        let any = TimelockedWeightCommits::<T>::iter_keys().next().is_some();
        if waited {
            RevealsWait::<T>::kill();
        }
        if !any || (due.is_empty() && !more) {
            return T::DbWeight::get().reads(3);
        }
        let (mut done, mut served) = (Done::default(), None);
        let mut room = OPENED_PER_BLOCK;
        let kept = if waited { KEPT_FOR_WAITING } else { 0 };
        let mut shares = count(&due);
        for netuid in Self::in_turn(due) {
            let share = room.saturating_sub(kept).div_ceil(shares.max(1));
            shares = shares.saturating_sub(1);
            let epoch = SubnetEpochIndex::<T>::get(netuid).saturating_add(1);
            let took = Self::open_subnet(netuid, epoch, share);
            room = room.saturating_sub(took.opened);
            served = (took.opened > 0).then_some(netuid).or(served);
            done.add(&took);
        }
        for netuid in Self::in_turn(rest).into_iter().take_while(|_| more) {
            let took = Self::open_subnet(netuid, SubnetEpochIndex::<T>::get(netuid), room);
            room = room.saturating_sub(took.opened);
            served = (took.opened > 0).then_some(netuid).or(served);
            done.add(&took);
        }
        if let Some(netuid) = served {
            RevealTurn::<T>::put(NetUid::new(u16::from(netuid).saturating_add(1)));
        }
        let looked_at = u64::from(done.queues).saturating_add(count(subnets).into());
        let reads = looked_at.saturating_mul(4).saturating_add(done.rounds.into());
        sum_of([
            T::DbWeight::get().reads_writes(reads, done.queues.into()),
            T::WeightInfo::read_timelocked(done.read),
            T::WeightInfo::reveal_timelocked(done.opened),
        ])
    }

    /// Timelocked weights that an epoch of the subnet reads, of all its queues.
    pub(super) fn sealed_rows(netuid: NetUid) -> u32 {
        if !CommitRevealWeightsEnabled::<T>::get(netuid) {
            return 0;
        }
        let queues = Self::mechanism_indices(netuid).flat_map(|index| {
            TimelockedWeightCommits::<T>::iter_key_prefix(index)
                .filter_map(move |epoch| TimelockedWeightCommits::<T>::decode_len(index, epoch))
        });
        queues.fold(0, |sum, rows| sum.saturating_add(u32::try_from(rows).unwrap_or(u32::MAX)))
    }

    /// `subnets`, in ascending order, from the one on whose turn it is.
    fn in_turn(mut subnets: Vec<NetUid>) -> Vec<NetUid> {
        let turn = RevealTurn::<T>::get();
        let first = subnets.partition_point(|netuid| *netuid < turn);
        subnets.rotate_left(first);
        subnets
    }

    /// Opens no more than `room` rows of what is to be known in `epoch` of the subnet, on all of its
    /// mechanisms: first those that count, then the others; of a mechanism the oldest first.
    fn open_subnet(netuid: NetUid, epoch: u64, room: u32) -> Done {
        let mut done = Done::default();
        let mut others = Vec::new();
        let Some(revealed) = epoch.checked_sub(RevealPeriodEpochs::<T>::get(netuid)) else {
            return done;
        };
        for mechanism in 0..u8::from(MechanismCountCurrent::<T>::get(netuid)) {
            let mechanism = MechId::new(mechanism);
            let Some(index) = NetUidStorageIndex::of(netuid, mechanism) else { continue };
            let mut epochs: Vec<u64> = TimelockedWeightCommits::<T>::iter_key_prefix(index)
                .filter(|committed| *committed <= revealed)
                .collect();
            epochs.sort_unstable();
            for committed in epochs {
                let is_over = committed < revealed;
                let (opens, looked_at) = Self::may_open(index, committed);
                done.queues = done.queues.saturating_add(1);
                done.rounds = done.rounds.saturating_add(looked_at);
                if !opens {
                    if is_over {
                        Self::drop_timelocked(index, committed);
                    }
                    continue;
                }
                let queue = Queue { netuid, mechanism, index, committed, is_over };
                if Self::open_queue(&queue, Rows::ThatCount, room, &mut done) {
                    others.push(queue);
                }
            }
        }
        for queue in others {
            Self::open_queue(&queue, Rows::Others, room, &mut done);
        }
        done
    }

    /// Whether a round that opens something in the queue is known, without a look at the queue; and
    /// how many rounds were asked for.
    fn may_open(index: NetUidStorageIndex, committed: u64) -> (bool, u32) {
        let Some(rounds) = TimelockedRounds::<T>::get(index, committed) else { return (true, 0) };
        let mut asked = 0u32;
        let opens = rounds.range(..=T::Beacon::last_round()).any(|round| {
            asked = asked.saturating_add(1);
            T::Beacon::is_known(*round)
        });
        (opens, asked)
    }

    /// Opens the rows of `queue` that are `wanted`, as long as the subnet has opened fewer than `room`,
    /// and keeps those that may yet be opened; answers whether there are others that could be now.
    fn open_queue(queue: &Queue, wanted: Rows, room: u32, done: &mut Done) -> bool {
        let &Queue { netuid, mechanism, index, committed, is_over } = queue;
        if done.opened >= room {
            RevealsWait::<T>::put(true);
            return false;
        }
        let permits = ValidatorPermit::<T>::get(netuid);
        let owner = Self::owner_uid(netuid);
        let rows = TimelockedWeightCommits::<T>::take(index, committed);
        done.read = done.read.saturating_add(count(&rows));
        let (mut kept, mut others) = (Vec::new(), false);
        for row in rows {
            let (hotkey, _, sealed, round) = &row;
            // Whoever has left could set nothing.
            let Some(uid) = Uids::<T>::get(netuid, hotkey) else { continue };
            let permitted = permits.get(usize::from(uid)).copied().unwrap_or(false);
            let counts = permitted || owner == Some(uid);
            // Late: only a row that counts, and waited for room alone, is still opened.
            if is_over && !(counts && T::Beacon::is_known(*round)) {
                continue;
            }
            let is_wanted = counts == matches!(wanted, Rows::ThatCount);
            if !T::Beacon::is_known(*round) {
                kept.push(row);
            } else if !is_wanted {
                others = true;
                kept.push(row);
            } else if done.opened >= room {
                RevealsWait::<T>::put(true);
                kept.push(row);
            } else {
                done.opened = done.opened.saturating_add(1);
                let Opened::Text(text) = T::Beacon::open(*round, sealed) else { continue };
                if Self::set_opened(hotkey, netuid, mechanism, &text) {
                    Self::deposit_event(Event::TimelockedWeightsRevealed(index, hotkey.clone()));
                }
            }
        }
        Self::keep_timelocked(index, committed, kept);
        others
    }
}
