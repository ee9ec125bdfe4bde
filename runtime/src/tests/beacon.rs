//! The beacon in the whole runtime: whose key a preset has, and a pulse as a host brings it.

use super::*;
use codec::Decode;
use pallet_drand::{quicknet, BeaconConfig, Call, Pulse, Pulses, PulsesPayload};
use sp_runtime::{traits::Checkable, MultiSigner};

/// What the host's own beacon has (`subnet/localnet/beacon/local.py`).
fn development_seed() -> [u8; 32] {
    sp_io::hashing::sha2_256(b"assay local beacon")
}

fn pulse(round: u64) -> Pulse {
    let signature = assay_timelock::sign(&development_seed(), round).unwrap().to_vec();
    let randomness = assay_timelock::randomness(&signature).to_vec().try_into().unwrap();
    Pulse { round, randomness, signature: signature.try_into().unwrap() }
}

/// Unix time of a round.
fn quicknet_s(round: u64) -> u64 {
    u64::from(quicknet::GENESIS_TIME) + u64::from(quicknet::PERIOD) * (round - 1)
}

fn brought(round: u64) -> UncheckedExtrinsic {
    let bringer = key("//Bob");
    let public = MultiSigner::Sr25519(bringer.public());
    let pulses_payload = PulsesPayload { block_number: 1, pulses: vec![pulse(round)], public };
    let signature = Some(bringer.sign(&pulses_payload.encode()).into());
    UncheckedExtrinsic::new_bare(Call::write_pulse { pulses_payload, signature }.into())
}

#[test]
fn the_local_preset_follows_the_hosts_beacon_and_the_others_quicknet() {
    let own = assay_timelock::public_key(&development_seed()).unwrap();
    for (preset, key) in [
        (genesis::LOCAL, own),
        (genesis::UPSTREAM, quicknet::PUBLIC_KEY),
        (genesis::FAST_LOCALNET, quicknet::PUBLIC_KEY),
    ] {
        with_preset(preset, || {
            let config = BeaconConfig::<Runtime>::get();
            assert_eq!(config.public_key[..], key, "{preset}");
            // Clients reckon rounds by quicknet's times.
            assert_eq!((config.period, config.genesis_time), (3, 1_692_803_367));
        });
    }
}

#[test]
fn a_pulse_comes_in_unsigned_and_costs_nobody_anything() {
    with_preset(genesis::LOCAL, || {
        pallet_timestamp::Now::<Runtime>::put(quicknet_s(5) * 1_000);
        let extrinsic = brought(5);
        let length = extrinsic.encoded_size();
        let info = extrinsic.get_dispatch_info();
        let context = frame_system::ChainContext::<Runtime>::default();
        let checked = Checkable::check(extrinsic, &context).unwrap();
        checked.validate::<Runtime>(TransactionSource::External, &info, length).unwrap();
        checked.apply::<Runtime>(&info, length).unwrap().unwrap();
        assert_eq!(Pulses::<Runtime>::get(5), Some(pulse(5)));
        assert_eq!(invariants::check(), Ok(()));
    });
}

#[test]
fn what_a_block_opens_declares_a_quarter_of_it() {
    use pallet_subtensor::WeightInfo;
    let opened = pallet_subtensor::OPENED_PER_BLOCK + pallet_commitments::OPENED_PER_BLOCK;
    let declared = <() as WeightInfo>::reveal_timelocked(opened).ref_time();
    assert!(declared * 4 <= RuntimeBlockWeights::get().max_block.ref_time());
}

#[test]
fn a_host_that_writes_a_pulse_by_hand_writes_the_same() {
    with_preset(genesis::LOCAL, || {
        let bytes = brought(5).encode();
        let again = UncheckedExtrinsic::decode(&mut &bytes[..]).unwrap();
        assert_eq!(again.encode(), bytes);
        // Its length, the version of a bare extrinsic, the pallet, the call.
        assert_eq!(bytes[2..5], [5, 26, 0]);
    });
}
