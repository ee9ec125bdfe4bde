//! What coldkeys and owners of subnets say of themselves, with a limit on every field.

use crate::*;
use frame_support::ensure;
use sp_runtime::DispatchResult;

/// Bytes of a name, a link or an address; of a free text. The public chain's values.
const SHORT_BYTES: usize = 256;
const LONG_BYTES: usize = 1_024;

fn fits(short: &[&[u8]], long: &[&[u8]]) -> bool {
    short.iter().all(|field| field.len() <= SHORT_BYTES)
        && long.iter().all(|field| field.len() <= LONG_BYTES)
}

impl<T: Config> Pallet<T> {
    pub(crate) fn do_set_identity(
        coldkey: &T::AccountId,
        identity: ChainIdentityV2,
    ) -> DispatchResult {
        let has_registered = OwnedHotkeys::<T>::get(coldkey)
            .iter()
            .any(|hotkey| IsNetworkMember::<T>::iter_prefix_values(hotkey).any(|member| member));
        ensure!(has_registered, Error::<T>::HotKeyNotRegisteredInNetwork);
        let ChainIdentityV2 { name, url, github_repo, image, discord, description, additional } =
            &identity;
        ensure!(
            fits(&[name, url, github_repo, discord], &[image, description, additional]),
            Error::<T>::InvalidIdentity
        );
        IdentitiesV2::<T>::insert(coldkey, identity);
        Self::deposit_event(Event::ChainIdentitySet(coldkey.clone()));
        Ok(())
    }

    pub(crate) fn put_subnet_identity(
        netuid: NetUid,
        identity: SubnetIdentityV3,
    ) -> DispatchResult {
        let SubnetIdentityV3 {
            subnet_name,
            github_repo,
            subnet_contact,
            subnet_url,
            discord,
            description,
            logo_url,
            additional,
        } = &identity;
        ensure!(
            fits(
                &[subnet_name, discord],
                &[github_repo, subnet_contact, subnet_url, description, logo_url, additional],
            ),
            Error::<T>::InvalidIdentity
        );
        SubnetIdentitiesV3::<T>::insert(netuid, identity);
        Self::deposit_event(Event::SubnetIdentitySet(netuid));
        Ok(())
    }
}
