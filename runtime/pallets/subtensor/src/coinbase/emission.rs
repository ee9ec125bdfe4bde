//! What a block mints, and where it goes (subtensor.md 2 to 5).
//!
//! The block's TAO is shared between the subnets that may emit; each share enters its pool beside
//! new alpha, or buys alpha for the chain itself when the pool has no room for so much of it. Alpha
//! for participants is counted in `SubnetAlphaOut` at once and waits in the `Pending*` items.

use crate::*;
use alloc::vec::Vec;
use assay_arithmetic::{
    coinbase::{self, Injection, RootProportion, ShareClaim},
    issuance::block_emission,
};
use frame_support::storage::with_storage_layer;
use sp_runtime::DispatchResult;

impl<T: Config> Pallet<T> {
    /// Mints the emission of a block; answers which subnets took part.
    pub(super) fn emit(block: u64, subnets: &[NetUid]) -> Vec<NetUid> {
        let emission = block_emission(TotalIssuance::<T>::get().rao());
        BlockEmission::<T>::put(emission);
        let emitting: Vec<NetUid> =
            subnets.iter().copied().filter(|netuid| Self::may_emit(*netuid, block)).collect();
        let claims: Vec<ShareClaim> =
            emitting.iter().map(|netuid| Self::share_claim(*netuid)).collect();
        let shares = coinbase::share_emission(emission, &claims);
        let root_sells = Self::root_sells(&emitting);

        for netuid in subnets.iter().filter(|netuid| !emitting.contains(netuid)) {
            Self::note_emission(*netuid, &Injection::default(), AlphaBalance::ZERO);
        }
        for (netuid, tao) in emitting.iter().zip(shares) {
            Self::emit_to_subnet(*netuid, tao, root_sells);
        }
        emitting
    }

    /// Whether a subnet takes part in the emission (subtensor.md 3).
    fn may_emit(netuid: NetUid, block: u64) -> bool {
        FirstEmissionBlockNumber::<T>::get(netuid).is_some_and(|first| first <= block)
            && SubtokenEnabled::<T>::get(netuid)
            && NetworkRegistrationAllowed::<T>::get(netuid)
    }

    fn share_claim(netuid: NetUid) -> ShareClaim {
        ShareClaim {
            moving_price: Self::moving_price_bits(netuid),
            miner_burned: u64::try_from(MinerBurned::<T>::get(netuid).to_bits())
                .unwrap_or(u64::MAX),
            emission_enabled: SubnetEmissionEnabled::<T>::get(netuid),
        }
    }

    /// Root's alpha is kept for it only while the emitting subnets together are worth more than
    /// TAO (subtensor.md 5); otherwise it is recycled.
    fn root_sells(emitting: &[NetUid]) -> bool {
        let sum = emitting
            .iter()
            .fold(0u64, |sum, netuid| sum.saturating_add(Self::moving_price_bits(*netuid)));
        sum > coinbase::PRICE_ONE
    }

    fn emit_to_subnet(netuid: NetUid, tao: u64, root_sells: bool) {
        let alpha_emission = block_emission(Self::alpha_issuance(netuid));
        let cap = Self::root_proportion(netuid).of(alpha_emission);
        let injection = Self::fill_pool(netuid, tao, cap);
        let out = Self::set_aside(netuid, alpha_emission, root_sells);
        Self::note_emission(netuid, &injection, out.unwrap_or(AlphaBalance::ZERO));
    }

    /// Puts a block's TAO into a pool (subtensor.md 4); answers what went where. If the pool cannot
    /// take both, all of the TAO buys; if it cannot sell so much either, nothing is minted.
    fn fill_pool(netuid: NetUid, tao: u64, alpha_cap: u64) -> Injection {
        let wanted = coinbase::inject(
            tao,
            alpha_cap,
            Self::alpha_worth(netuid, tao.into()).rao(),
            |alpha| Self::tao_worth(netuid, alpha.into()).rao(),
        );
        let mut done = Injection::default();
        let added = with_storage_layer(|| Self::mint_into_pool(netuid, &wanted));
        if added.is_ok() {
            done = Injection { excess: 0, ..wanted };
        }
        let excess = tao.saturating_sub(done.tao);
        if excess > 0 && with_storage_layer(|| Self::mint_and_buy(netuid, excess)).is_ok() {
            done.excess = excess;
        }
        done
    }

    fn mint_into_pool(netuid: NetUid, injection: &Injection) -> DispatchResult {
        let tao = TaoBalance::new(injection.tao);
        if Self::is_stable(netuid) {
            // Without a pool there is nothing to balance: the TAO waits beside what is staked.
            return Err(Error::<T>::MechanismDoesNotExist.into());
        }
        Self::inject_liquidity(netuid, tao, injection.alpha.into())?;
        Self::mint_tao(tao)
    }

    /// The chain buys alpha with new TAO, and keeps it: it stays counted, and nobody has it.
    fn mint_and_buy(netuid: NetUid, excess: u64) -> DispatchResult {
        if Self::is_stable(netuid) {
            return Err(Error::<T>::MechanismDoesNotExist.into());
        }
        let bought = Self::buy_alpha_free(netuid, excess.into())?;
        SubnetProtocolAlpha::<T>::try_mutate(netuid, |kept| -> DispatchResult {
            *kept = kept.plus(bought)?;
            Ok(())
        })?;
        Self::mint_tao(excess.into())
    }

    fn mint_tao(amount: TaoBalance) -> DispatchResult {
        TotalIssuance::<T>::try_mutate(|total| {
            *total = total.plus(amount)?;
            Ok(())
        })
    }

    /// Counts a block's alpha for participants, then divides it by what is now issued
    /// (subtensor.md 5) and lets the parts wait for the epoch. `None`, and nothing done, if it
    /// cannot be counted.
    fn set_aside(netuid: NetUid, emission: u64, root_sells: bool) -> Option<AlphaBalance> {
        let out = AlphaBalance::new(emission);
        let outside = SubnetAlphaOut::<T>::get(netuid).checked_add(out)?;
        let add = |pending: &mut AlphaBalance, amount: u64| {
            // Each pending amount is part of `outside`, which has just been seen to fit.
            *pending = pending.checked_add(amount.into()).unwrap_or(AlphaBalance::MAX);
        };
        SubnetAlphaOut::<T>::insert(netuid, outside);
        let cut = if OwnerCutEnabled::<T>::get(netuid) { SubnetOwnerCut::<T>::get() } else { 0 };
        let split = coinbase::split_alpha(emission, cut, &Self::root_proportion(netuid));
        PendingOwnerCut::<T>::mutate(netuid, |pending| add(pending, split.owner));
        PendingServerEmission::<T>::mutate(netuid, |pending| add(pending, split.server));
        PendingValidatorEmission::<T>::mutate(netuid, |pending| add(pending, split.validator));
        if root_sells {
            PendingRootAlphaDivs::<T>::mutate(netuid, |pending| add(pending, split.root));
        } else {
            Self::recycle_alpha_out(netuid, split.root.into());
        }
        Some(out)
    }

    fn note_emission(netuid: NetUid, injection: &Injection, out: AlphaBalance) {
        SubnetTaoInEmission::<T>::insert(netuid, TaoBalance::new(injection.tao));
        SubnetAlphaInEmission::<T>::insert(netuid, AlphaBalance::new(injection.alpha));
        SubnetExcessTao::<T>::insert(netuid, TaoBalance::new(injection.excess));
        SubnetAlphaOutEmission::<T>::insert(netuid, out);
    }

    /// All alpha of a subnet that counts as issued.
    pub fn alpha_issuance(netuid: NetUid) -> u64 {
        let inside = SubnetAlphaIn::<T>::get(netuid).rao();
        inside.saturating_add(SubnetAlphaOut::<T>::get(netuid).rao())
    }

    /// The part of a subnet's rewards that belongs to root stake, from present storage.
    pub(super) fn root_proportion(netuid: NetUid) -> RootProportion {
        RootProportion::new(
            SubnetTAO::<T>::get(NetUid::ROOT).rao(),
            TaoWeight::<T>::get(),
            Self::alpha_issuance(netuid),
        )
    }
}
