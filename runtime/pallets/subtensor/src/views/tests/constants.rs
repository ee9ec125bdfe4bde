//! Constants are what the rules say.

use super::*;

/// The value of a constant in the metadata.
fn told(name: &str) -> Vec<u8> {
    let constants = Chain::pallet_constants_metadata();
    constants.into_iter().find(|constant| constant.name == name).unwrap().value
}

/// The public chain's constants that are the same on every chain: name and value.
fn public() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("AlphaHigh", 58_982u16.encode()),
        ("AlphaLow", 45_875u16.encode()),
        ("InitialActivityCutoff", 5_000u16.encode()),
        ("InitialAdjustmentAlpha", 0u64.encode()),
        ("InitialAdjustmentInterval", 100u16.encode()),
        ("InitialAlphaSigmoidSteepness", 1_000i16.encode()),
        ("InitialBondsMovingAverage", 900_000u64.encode()),
        ("InitialBondsPenalty", u16::MAX.encode()),
        ("InitialBondsResetOn", false.encode()),
        ("InitialBurn", 100_000_000u64.encode()),
        ("InitialDefaultChildKeyTake", 0u16.encode()),
        ("InitialDefaultDelegateTake", 11_796u16.encode()),
        ("InitialDifficulty", 10_000_000u64.encode()),
        ("InitialEmaPriceHalvingPeriod", 201_600u64.encode()),
        ("InitialImmunityPeriod", 4_096u16.encode()),
        ("InitialIssuance", 0u64.encode()),
        ("InitialKappa", 32_767u16.encode()),
        ("InitialMaxAllowedUids", 256u16.encode()),
        ("InitialMaxAllowedValidators", 128u16.encode()),
        ("InitialMaxBurn", 100_000_000_000u64.encode()),
        ("InitialMaxChildKeyTake", 11_796u16.encode()),
        ("InitialMaxDifficulty", (u64::MAX / 4).encode()),
        ("InitialMinAllowedUids", 64u16.encode()),
        ("InitialMinAllowedWeights", 1_024u16.encode()),
        ("InitialMinBurn", 500_000u64.encode()),
        ("InitialMinChildKeyTake", 0u16.encode()),
        ("InitialMinDelegateTake", 0u16.encode()),
        ("InitialMinDifficulty", 10_000_000u64.encode()),
        ("InitialMinStake", 2_000_000u64.encode()),
        ("InitialNetworkImmunityPeriod", 1_296_000u64.encode()),
        ("InitialNetworkLockReductionInterval", 100_800u64.encode()),
        ("InitialNetworkMinLockCost", 1_000_000_000_000u64.encode()),
        ("InitialRAORecycledForRegistration", 0u64.encode()),
        ("InitialRho", 10u16.encode()),
        ("InitialScalingLawPower", 50u16.encode()),
        ("InitialSubnetOwnerCut", 11_796u16.encode()),
        ("InitialTaoWeight", 971_718_665_099_567_868u64.encode()),
        ("InitialTargetRegistrationsPerInterval", 2u16.encode()),
        ("InitialTxDelegateTakeRateLimit", 216_000u64.encode()),
        ("InitialTxRateLimit", 1_000u64.encode()),
        ("InitialWeightsVersionKey", 0u64.encode()),
        ("LiquidAlphaOn", false.encode()),
        ("MaxActivityCutoffFactorMilli", 50_000u32.encode()),
        ("MaxBurnLowerBound", 100_000_000u64.encode()),
        ("MaxTempo", 50_400u16.encode()),
        ("MinActivityCutoffFactorMilli", 1_000u32.encode()),
        ("MinBurnUpperBound", 1_000_000_000u64.encode()),
        ("MinTempo", 360u16.encode()),
        ("Yuma3On", false.encode()),
    ]
}

#[test]
fn fixed_constants_are_the_public_chains() {
    run(local(), || {
        for (name, value) in public() {
            assert_eq!(told(name), value, "{name}");
        }
    });
}

#[test]
fn what_genesis_decides_is_told_as_it_is() {
    run(local(), || {
        assert_eq!(told("InitialTempo"), 20u16.encode());
        assert_eq!(told("InitialServingRateLimit"), 0u64.encode());
        assert_eq!(told("InitialMaxRegistrationsPerBlock"), 8u16.encode());
        assert_eq!(told("InitialMaxEpochsPerBlock"), 32u8.encode());
        assert_eq!(told("MaxEpochsPerBlock"), 32u8.encode());
        assert_eq!(told("InitialTxChildKeyTakeRateLimit"), 0u64.encode());
        StartCallDelay::<Test>::put(7);
        NetworkRateLimit::<Test>::put(9);
        assert_eq!(told("InitialStartCallDelay"), 7u64.encode());
        assert_eq!(told("InitialNetworkRateLimit"), 9u64.encode());
    });
    run(upstream(), || {
        assert_eq!(told("InitialTempo"), 360u16.encode());
        assert_eq!(told("InitialServingRateLimit"), 50u64.encode());
        assert_eq!(told("InitialMaxEpochsPerBlock"), 2u8.encode());
        assert_eq!(told("InitialNetworkRateLimit"), 7_200u64.encode());
        assert_eq!(told("InitialTxChildKeyTakeRateLimit"), 216_000u64.encode());
    });
}

#[test]
fn an_items_first_value_is_what_it_answers_for_a_subnet_that_set_nothing() {
    run(local(), || {
        let unset = NetUid::new(9);
        assert_eq!(told("InitialKappa"), Kappa::<Test>::get(unset).encode());
        assert_eq!(told("InitialBurn"), Burn::<Test>::get(unset).encode());
        assert_eq!(
            told("InitialEmaPriceHalvingPeriod"),
            EMAPriceHalvingBlocks::<Test>::get(unset).encode()
        );
        assert_eq!(
            told("InitialDefaultDelegateTake"),
            Delegates::<Test>::get(9).deconstruct().encode()
        );
    });
}
