//! TAO between the balances pallet and the pools, and the count of all of it.
//!
//! A balance that is staked is burned there and counted here (`TotalStake`), and the other way
//! round; `TotalIssuance` changes only by emission, by recycling, and by what other pallets burn
//! (fees nobody can be paid, dust), which is noted when the block ends.

use crate::*;
use frame_support::traits::{
    fungible::{Inspect, Mutate},
    tokens::{Fortitude, Precision, Preservation},
    Get,
};
use sp_runtime::{DispatchError, DispatchResult};

impl<T: Config> Pallet<T> {
    /// What `coldkey` can spend and still exist.
    pub fn spendable(coldkey: &T::AccountId) -> TaoBalance {
        TaoBalance::new(T::Currency::reducible_balance(
            coldkey,
            Preservation::Preserve,
            Fortitude::Polite,
        ))
    }

    /// Takes `amount` out of the balance of `coldkey`. The caller puts it into a pool.
    pub(crate) fn take_tao(coldkey: &T::AccountId, amount: TaoBalance) -> DispatchResult {
        T::Currency::burn_from(
            coldkey,
            amount.rao(),
            Preservation::Preserve,
            Precision::Exact,
            Fortitude::Polite,
        )
        .map_err(|_| Error::<T>::NotEnoughBalanceToStake)?;
        Ok(())
    }

    /// Adds `amount`, which the caller took out of a pool, to the balance of `coldkey`.
    pub(crate) fn give_tao(coldkey: &T::AccountId, amount: TaoBalance) -> DispatchResult {
        if !amount.is_zero() {
            T::Currency::mint_into(coldkey, amount.rao())?;
        }
        Ok(())
    }

    /// Pays the fee of a purchase to the block's author. Where there is none, or the author's
    /// account could not hold so little, the pool keeps it.
    pub(crate) fn pay_fee(netuid: NetUid, fee: TaoBalance) -> DispatchResult {
        let paid = T::BlockAuthor::get()
            .is_some_and(|author| T::Currency::mint_into(&author, fee.rao()).is_ok());
        if paid {
            return Ok(());
        }
        Self::add_to_pool(netuid, fee)
    }

    /// Adds `amount`, taken out of a balance, to the TAO of a pool.
    pub(crate) fn add_to_pool(netuid: NetUid, amount: TaoBalance) -> DispatchResult {
        SubnetTAO::<T>::try_mutate(netuid, |tao| -> DispatchResult {
            *tao = tao.plus(amount)?;
            Ok(())
        })?;
        TotalStake::<T>::try_mutate(|tao| -> DispatchResult {
            *tao = tao.plus(amount)?;
            Ok(())
        })
    }

    /// All TAO that is somewhere: in balances and in pools.
    pub fn tao_held() -> Result<TaoBalance, DispatchError> {
        Ok(TaoBalance::new(T::Currency::total_issuance()).plus(TotalStake::<T>::get())?)
    }

    /// Takes note of TAO that other pallets burned, or that root made by `force_set_balance`.
    pub(crate) fn settle_issuance() {
        if let Ok(held) = Self::tao_held() {
            if held != TotalIssuance::<T>::get() {
                TotalIssuance::<T>::put(held);
            }
        }
    }
}
