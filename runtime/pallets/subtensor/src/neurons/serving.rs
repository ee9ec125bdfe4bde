//! Where neurons can be reached.
//!
//! An address must be one that others can reach; a chain on one machine allows loopback by its
//! genesis. Address 0 is allowed for an axon: it is how a neuron says that it serves no longer.

use crate::*;
use alloc::vec::Vec;
use frame_support::ensure;
use sp_runtime::DispatchResult;

const IPV4: u8 = 4;
const IPV6: u8 = 6;
const IPV6_LOOPBACK: u128 = 1;
/// 127.0.0.0/8.
const IPV4_LOOPBACK_NET: u128 = 127;
const IPV4_NET_SHIFT: u32 = 24;
const IPV4_BITS: u32 = 32;
/// What stands before the IPv4 address in ::ffff:0:0/96.
const IPV4_MAPPED: u128 = 0xffff;

/// An endpoint as a call brings it.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    pub ip: u128,
    pub port: u16,
    pub ip_type: u8,
}

impl AxonInfo {
    /// An axon that has not been served yet; `rest` is the protocol and the two placeholders.
    pub(crate) fn at(endpoint: Endpoint, version: u32, rest: [u8; 3]) -> Self {
        let Endpoint { ip, port, ip_type } = endpoint;
        let [protocol, placeholder1, placeholder2] = rest;
        Self { block: 0, version, ip, port, ip_type, protocol, placeholder1, placeholder2 }
    }
}

impl<T: Config> Pallet<T> {
    pub(crate) fn do_serve_axon(
        hotkey: &T::AccountId,
        netuid: NetUid,
        axon: AxonInfo,
        certificate: Option<Vec<u8>>,
    ) -> DispatchResult {
        let endpoint = Endpoint { ip: axon.ip, port: axon.port, ip_type: axon.ip_type };
        Self::check_serve_axon(hotkey, netuid, endpoint)?;
        if let Some(bytes) = certificate {
            let certificate = NeuronCertificate::parse(bytes).ok_or(Error::<T>::InvalidValue)?;
            NeuronCertificates::<T>::insert(netuid, hotkey, certificate);
        }
        Axons::<T>::insert(netuid, hotkey, AxonInfo { block: Self::block(), ..axon });
        Self::deposit_event(Event::AxonServed(netuid, hotkey.clone()));
        Ok(())
    }

    pub(crate) fn do_serve_prometheus(
        hotkey: &T::AccountId,
        netuid: NetUid,
        info: PrometheusInfo,
    ) -> DispatchResult {
        let endpoint = Endpoint { ip: info.ip, port: info.port, ip_type: info.ip_type };
        Self::check_serve_prometheus(hotkey, netuid, endpoint)?;
        Prometheus::<T>::insert(netuid, hotkey, PrometheusInfo { block: Self::block(), ..info });
        Self::deposit_event(Event::PrometheusServed(netuid, hotkey.clone()));
        Ok(())
    }

    pub(crate) fn check_serve_axon(
        hotkey: &T::AccountId,
        netuid: NetUid,
        endpoint: Endpoint,
    ) -> Result<(), Error<T>> {
        let last = Axons::<T>::get(netuid, hotkey).map(|axon| axon.block);
        Self::check_endpoint(hotkey, netuid, endpoint, last)
    }

    pub(crate) fn check_serve_prometheus(
        hotkey: &T::AccountId,
        netuid: NetUid,
        endpoint: Endpoint,
    ) -> Result<(), Error<T>> {
        ensure!(endpoint.ip != 0, Error::<T>::InvalidIpAddress);
        let last = Prometheus::<T>::get(netuid, hotkey).map(|info| info.block);
        Self::check_endpoint(hotkey, netuid, endpoint, last)
    }

    fn check_endpoint(
        hotkey: &T::AccountId,
        netuid: NetUid,
        endpoint: Endpoint,
        last: Option<u64>,
    ) -> Result<(), Error<T>> {
        ensure!(Uids::<T>::contains_key(netuid, hotkey), Error::<T>::HotKeyNotRegisteredInNetwork);
        ensure!(matches!(endpoint.ip_type, IPV4 | IPV6), Error::<T>::InvalidIpType);
        ensure!(Self::is_reachable(endpoint), Error::<T>::InvalidIpAddress);
        ensure!(endpoint.port != 0, Error::<T>::InvalidPort);
        let limit = ServingRateLimit::<T>::get(netuid);
        ensure!(
            last.is_none_or(|last| Self::block().saturating_sub(last) >= limit),
            Error::<T>::ServingRateLimitExceeded
        );
        Ok(())
    }

    fn is_reachable(endpoint: Endpoint) -> bool {
        let Endpoint { ip, ip_type, .. } = endpoint;
        // An IPv4 address in IPv6's clothes is judged as what it is.
        let (ip, ip_type) = match ip >> IPV4_BITS {
            IPV4_MAPPED if ip_type == IPV6 => (ip & u128::from(u32::MAX), IPV4),
            _ => (ip, ip_type),
        };
        let loopback = match ip_type {
            IPV4 => ip >> IPV4_NET_SHIFT == IPV4_LOOPBACK_NET,
            _ => ip == IPV6_LOOPBACK,
        };
        let broadcast_or_wider = match ip_type {
            IPV4 => ip >= u128::from(u32::MAX),
            _ => ip == u128::MAX,
        };
        !broadcast_or_wider && (!loopback || LoopbackAxonsAllowed::<T>::get())
    }
}
