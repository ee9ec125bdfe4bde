//! Registering a subnet: the price is paid and becomes the pool, the caller's hotkey gets uid 0.
//!
//! When there are as many subnets as there may be, the cheapest one that is no longer immune makes
//! room.

use crate::{subnets::MECHANISM_DYNAMIC, *};
use frame_support::{ensure, traits::Get};
use sp_runtime::{DispatchError, DispatchResult};

/// What a new subnet gets whatever the chain's defaults: the public chain's values.
const MAX_UIDS: u16 = 256;
const MAX_VALIDATORS: u16 = 64;
const MIN_WEIGHTS: u16 = 1;
const IMMUNITY_BLOCKS: u16 = 5_000;
/// Tempo of the subnet that is there from genesis on: the public genesis' value.
const FIRST_SUBNET_TEMPO: u16 = 100;
const FIRST_BURN: TaoBalance = TaoBalance::new(1_000_000_000);

impl<T: Config> Pallet<T> {
    pub(crate) fn do_register_network(
        coldkey: &T::AccountId,
        hotkey: &T::AccountId,
        identity: Option<SubnetIdentityV3>,
    ) -> DispatchResult {
        let now = Self::block();
        ensure!(
            now >= NetworkRegistrationStartBlock::<T>::get(),
            Error::<T>::SubNetRegistrationDisabled
        );
        let last = LastRateLimitedBlock::<T>::get(RateLimitKey::NetworkLastRegistered);
        ensure!(
            last == 0 || now.saturating_sub(last) >= NetworkRateLimit::<T>::get(),
            Error::<T>::NetworkTxRateLimitExceeded
        );
        let cost = Self::network_lock_cost();
        ensure!(Self::spendable(coldkey) >= cost, Error::<T>::CannotAffordLockCost);
        Self::associate_for_registration(coldkey, hotkey)?;

        let netuid = Self::make_room()?;
        let alpha = Self::opening_alpha(cost);
        Self::take_tao(coldkey, cost)?;
        Self::init_subnet(netuid, now);
        Self::add_to_pool(netuid, cost)?;
        SubnetAlphaIn::<T>::insert(netuid, alpha);
        SubnetLocked::<T>::insert(netuid, cost);
        SubnetOwner::<T>::insert(netuid, coldkey);
        SubnetOwnerHotkey::<T>::insert(netuid, hotkey);
        NetworkLastLockCost::<T>::put(cost);
        LastRateLimitedBlock::<T>::insert(RateLimitKey::NetworkLastRegistered, now);

        let uid = Self::append_neuron(netuid, hotkey)?;
        Self::deposit_event(Event::NetworkAdded(netuid, MECHANISM_DYNAMIC));
        Self::deposit_event(Event::NeuronRegistered(netuid, uid, hotkey.clone()));
        if let Some(identity) = identity {
            Self::put_subnet_identity(netuid, identity)?;
        }
        Ok(())
    }

    /// Makes the subnet that the public chain's genesis begins with: ten TAO in the pool at a
    /// price of one, the account of 32 zero bytes as its owner, its only neuron and the holder of
    /// one alpha. It takes part in the emission from block 1 on.
    pub(crate) fn create_first_subnet() -> DispatchResult {
        const POOL: u64 = 10_000_000_000;
        const STAKED: AlphaBalance = AlphaBalance::new(1_000_000_000);
        let netuid = NetUid::new(1);
        let nobody = storage::defaults::ZeroAccount::<T>::get();
        Self::associate(&nobody, &nobody)?;
        Self::init_subnet(netuid, Self::block());
        Tempo::<T>::insert(netuid, FIRST_SUBNET_TEMPO);
        MinAllowedWeights::<T>::insert(netuid, 0);
        Self::add_to_pool(netuid, TaoBalance::new(POOL))?;
        SubnetAlphaIn::<T>::insert(netuid, AlphaBalance::new(POOL));
        SubnetAlphaOut::<T>::insert(netuid, STAKED);
        SubnetLocked::<T>::insert(netuid, TaoBalance::new(1));
        SubnetOwner::<T>::insert(netuid, &nobody);
        Self::append_neuron(netuid, &nobody)?;
        Self::increase_stake(&nobody, &nobody, netuid, STAKED)?;
        FirstEmissionBlockNumber::<T>::insert(netuid, 1);
        SubtokenEnabled::<T>::insert(netuid, true);
        Ok(())
    }

    /// A netuid to give out: the lowest free one, or that of the subnet which has to go.
    fn make_room() -> Result<NetUid, DispatchError> {
        let taken = Self::subnets();
        if taken.len() >= usize::from(SubnetLimit::<T>::get()) {
            let netuid = Self::subnet_to_prune().ok_or(Error::<T>::SubnetLimitReached)?;
            Self::dissolve(netuid)?;
            return Ok(netuid);
        }
        // The list is ascending, so the first gap is where it stops counting up.
        let mut free = NetUid::new(1);
        for netuid in taken {
            if netuid != free {
                break;
            }
            free = free.next().ok_or(Error::<T>::SubnetLimitReached)?;
        }
        Ok(free)
    }

    /// Brings a subnet into being with its hyperparameters, but with an empty pool and no neuron.
    fn init_subnet(netuid: NetUid, now: u64) {
        let defaults = NewSubnetDefaults::<T>::get();
        NetworksAdded::<T>::insert(netuid, true);
        TotalNetworks::<T>::mutate(|n| *n = n.saturating_add(1));
        RegisteredSubnetCounter::<T>::mutate(netuid, |n| *n = n.saturating_add(1));
        NetworkRegisteredAt::<T>::insert(netuid, now);
        SubnetMechanism::<T>::insert(netuid, MECHANISM_DYNAMIC);
        TokenSymbol::<T>::insert(netuid, Self::free_symbol(netuid));

        Tempo::<T>::insert(netuid, defaults.tempo);
        // Subnets registered together do not all have their epochs in the same block.
        let stagger = u16::from(netuid).checked_rem(defaults.tempo).unwrap_or(0);
        LastEpochBlock::<T>::insert(netuid, now.saturating_sub(stagger.into()));

        SubnetworkN::<T>::insert(netuid, 0);
        MaxAllowedUids::<T>::insert(netuid, MAX_UIDS);
        MaxAllowedValidators::<T>::insert(netuid, MAX_VALIDATORS);
        MinAllowedWeights::<T>::insert(netuid, MIN_WEIGHTS);
        ImmunityPeriod::<T>::insert(netuid, IMMUNITY_BLOCKS);
        Yuma3On::<T>::insert(netuid, true);
        Burn::<T>::insert(netuid, FIRST_BURN);
        NetworkRegistrationAllowed::<T>::insert(netuid, true);

        WeightsSetRateLimit::<T>::insert(netuid, defaults.weights_set_rate_limit);
        ActivityCutoffFactorMilli::<T>::insert(netuid, defaults.activity_cutoff_factor_milli);
        ServingRateLimit::<T>::insert(netuid, defaults.serving_rate_limit);
        MaxRegistrationsPerBlock::<T>::insert(netuid, defaults.max_registrations_per_block);
        CommitRevealWeightsEnabled::<T>::insert(netuid, defaults.commit_reveal_weights_enabled);
        SubnetEmissionEnabled::<T>::insert(netuid, defaults.subnet_emission_enabled);
    }
}
