//! What leases of subnets are made with: the crowdloan that is ending, and a proxy of the account that
//! owns the subnet.

use crate::{proxies::ProxyType, AccountId, Proxy, Runtime};
use alloc::vec::Vec;
use pallet_crowdloan::{Contributions, Crowdloans, CurrentCrowdloanId, Error};
use pallet_subtensor::{Funding, Leasing, TaoBalance};
use sp_runtime::{DispatchError, DispatchResult};

/// See the file's header.
pub struct Lessors;

impl Leasing<AccountId> for Lessors {
    fn funding() -> Result<Funding<AccountId>, DispatchError> {
        let id =
            CurrentCrowdloanId::<Runtime>::get().ok_or(Error::<Runtime>::InvalidCrowdloanId)?;
        let crowdloan =
            Crowdloans::<Runtime>::get(id).ok_or(Error::<Runtime>::InvalidCrowdloanId)?;
        let contributions: Vec<_> = Contributions::<Runtime>::iter_prefix(id).collect();
        Ok(Funding {
            creator: crowdloan.creator,
            account: crowdloan.funds_account,
            raised: TaoBalance::new(crowdloan.raised),
            contributions,
        })
    }

    fn let_act(lease: &AccountId, beneficiary: &AccountId) -> DispatchResult {
        let kind = ProxyType::SubnetLeaseBeneficiary;
        Proxy::add_proxy_delegate(lease, beneficiary.clone(), kind, 0)
    }

    fn stop_acting(lease: &AccountId, beneficiary: &AccountId) -> DispatchResult {
        let kind = ProxyType::SubnetLeaseBeneficiary;
        Proxy::remove_proxy_delegate(lease, beneficiary.clone(), kind, 0)
    }
}
