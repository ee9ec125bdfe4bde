//! Endpoints: which addresses are taken, how often, and from whom.

use super::*;
use frame_support::{assert_noop, dispatch::DispatchResult};

const PUBLIC: u128 = 0x0808_0808;
const LOOPBACK: u128 = 0x7f00_0001;

fn serve(netuid: NetUid, ip: u128, port: u16, ip_type: u8) -> DispatchResult {
    Chain::serve_axon(signed(102), netuid, 7, ip, port, ip_type, 4, 5, 6)
}

#[test]
fn an_axon_is_stored_as_it_was_served() {
    run_each(|| {
        let netuid = found_subnet(1);
        join(netuid, 2);
        run_to_block(3);
        assert_ok!(serve(netuid, PUBLIC, 8091, 4));
        let axon = AxonInfo {
            block: 3,
            version: 7,
            ip: PUBLIC,
            port: 8091,
            ip_type: 4,
            protocol: 4,
            placeholder1: 5,
            placeholder2: 6,
        };
        assert_eq!(Axons::<Test>::get(netuid, 102), Some(axon));
        System::assert_last_event(Event::AxonServed(netuid, 102).into());
    });
}

#[test]
fn loopback_is_for_chains_whose_genesis_allows_it() {
    for (genesis, allowed) in [(local(), true), (upstream(), false)] {
        run(genesis, || {
            let netuid = found_subnet(1);
            join(netuid, 2);
            ServingRateLimit::<Test>::insert(netuid, 0);
            let mapped = 0xffff << 32 | LOOPBACK;
            for (ip, ip_type) in [(LOOPBACK, 4), (0x7f01_0203, 4), (1, 6), (mapped, 6)] {
                let served = serve(netuid, ip, 8091, ip_type);
                let refused = Err(Error::<Test>::InvalidIpAddress.into());
                assert_eq!(served, if allowed { Ok(()) } else { refused });
            }
            assert_ok!(serve(netuid, PUBLIC, 8091, 4));
        });
    }
}

#[test]
fn impossible_endpoints_are_refused() {
    run(local(), || {
        let netuid = found_subnet(1);
        join(netuid, 2);
        type E = Error<Test>;
        assert_noop!(serve(netuid, PUBLIC, 0, 4), E::InvalidPort);
        assert_noop!(serve(netuid, PUBLIC, 8091, 5), E::InvalidIpType);
        assert_noop!(serve(netuid, u32::MAX.into(), 8091, 4), E::InvalidIpAddress);
        assert_noop!(serve(netuid, 1 << 32, 8091, 4), E::InvalidIpAddress);
        assert_noop!(serve(netuid, u128::MAX, 8091, 6), E::InvalidIpAddress);
        let mapped = 0xffff << 32 | u128::from(u32::MAX);
        assert_noop!(serve(netuid, mapped, 8091, 6), E::InvalidIpAddress);
        assert_noop!(serve(NetUid::new(9), PUBLIC, 8091, 4), E::HotKeyNotRegisteredInNetwork);
        assert_ok!(serve(netuid, 0, 8091, 4));
        assert_noop!(
            Chain::serve_prometheus(signed(102), netuid, 1, 0, 8091, 4),
            E::InvalidIpAddress
        );
        assert_ok!(Chain::serve_prometheus(signed(102), netuid, 1, PUBLIC, 8091, 4));
    });
}

#[test]
fn endpoints_change_only_so_often() {
    run_each(|| {
        let netuid = found_subnet(1);
        join(netuid, 2);
        ServingRateLimit::<Test>::insert(netuid, 5);
        assert_ok!(serve(netuid, PUBLIC, 8091, 4));
        run_to_block(5);
        assert_noop!(serve(netuid, PUBLIC, 8092, 4), Error::<Test>::ServingRateLimitExceeded);
        run_to_block(6);
        assert_ok!(serve(netuid, PUBLIC, 8092, 4));
    });
}

#[test]
fn a_certificate_has_an_algorithm_and_a_key() {
    run_each(|| {
        let netuid = found_subnet(1);
        join(netuid, 2);
        let serve = |certificate: Vec<u8>| {
            let hotkey = signed(102);
            Chain::serve_axon_tls(hotkey, netuid, 1, PUBLIC, 8091, 4, 0, 0, 0, certificate)
        };
        for bad in [vec![], vec![1], vec![1; 66]] {
            assert_noop!(serve(bad), Error::<Test>::InvalidValue);
        }
        assert_ok!(serve(vec![3; 65]));
        let stored = NeuronCertificates::<Test>::get(netuid, 102).unwrap();
        assert_eq!((stored.algorithm, stored.public_key.len()), (3, 64));
    });
}
