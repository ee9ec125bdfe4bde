//! What is left behind another's hotkey, when it is too little to be kept.

use super::*;
use crate::staking::{MIN_STAKE, NOMINATIONS_PER_BLOCK};

/// A hundred times the least stake.
const FACTOR: u64 = 100_000_000;

#[test]
fn a_raise_clears_what_is_too_small_and_leaves_owners_alone() {
    run_each(|| {
        let netuid = found_subnet(1);
        stake(netuid, 2, 101, 150 * MIN_STAKE.rao());
        stake(netuid, 3, 101, 50 * MIN_STAKE.rao());
        stake(netuid, 1, 101, 50 * MIN_STAKE.rao());
        let (before, pooled) = (tao_balance(3), staked(netuid, 3, 101));
        Chain::set_least_nomination(FACTOR);
        assert_eq!(Chain::least_nomination().rao(), 100 * MIN_STAKE.rao());
        assert!(pooled > 0);
        assert_eq!(staked(netuid, 3, 101), 0);
        assert!(tao_balance(3) > before, "it is paid out");
        assert!(staked(netuid, 1, 101) > 0 && staked(netuid, 2, 101) > 0);
    });
}

#[test]
fn an_unstaking_that_leaves_too_little_takes_the_rest_along() {
    run_each(|| {
        let netuid = found_subnet(1);
        Chain::set_least_nomination(FACTOR);
        for who in [1, 2] {
            stake(netuid, who, 101, 150 * MIN_STAKE.rao());
            let most = staked(netuid, who, 101) / 10 * 9;
            assert_ok!(Chain::remove_stake(signed(who), 101, netuid, most.into()));
        }
        assert_eq!(staked(netuid, 2, 101), 0);
        assert!(staked(netuid, 1, 101) > 0, "the owner's own is no nomination");
    });
}

#[test]
fn many_are_cleared_over_blocks() {
    run(local(), || {
        let netuid = found_subnet(1);
        let many = u64::from(NOMINATIONS_PER_BLOCK) * 2 + 5;
        SubnetAlphaOut::<Test>::mutate(netuid, |out| *out = (out.rao() + many * UNIT / 100).into());
        for who in 1_000..1_000 + many {
            let given = AlphaBalance::new(UNIT / 100);
            assert_ok!(Chain::increase_stake(&101, &who, netuid, given));
        }
        let left = || (1_000..1_000 + many).filter(|who| staked(netuid, *who, 101) > 0).count();
        Chain::set_least_nomination(FACTOR);
        let first = left();
        assert!(first >= many as usize - NOMINATIONS_PER_BLOCK as usize && first < many as usize);
        for _ in 0..4 {
            next_block();
        }
        assert_eq!(left(), 0);
        assert!(!NominationsLookedAt::<Test>::exists());
    });
}

#[test]
fn what_the_pool_cannot_take_stays() {
    run(local(), || {
        assert_ok!(Chain::register_network(signed(1), 101));
        let netuid = NetUid::new(1);
        SubnetAlphaOut::<Test>::insert(netuid, AlphaBalance::new(1));
        assert_ok!(Chain::increase_stake(&101, &2, netuid, AlphaBalance::new(1)));
        Chain::set_least_nomination(FACTOR);
        assert_eq!(staked(netuid, 2, 101), 1, "a rao of alpha is worth no TAO");
    });
}
