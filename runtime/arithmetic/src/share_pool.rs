//! A pool of stake and the shares in it: how a hotkey's alpha belongs to those who staked it.
//!
//! Dividends raise the value of all shares at once, so paying a thousand nominators costs one
//! write. Shares are `u128` with 64 fractional bits at the first deposit, which leaves the price
//! of a share room to grow by 2^64 before a rao no longer buys one.
//!
//! Rounding is always the pool's gain: shares minted and value counted round down, shares taken
//! for a payout round up. The sum of what members could withdraw therefore never exceeds the
//! value. (Executed runtimes cut the ratio to 32 bits first and lose up to a few parts in 10^4
//! of small amounts; this is the exact form.)
//!
//! Nor does rounding ever cost a member more than a rao: where a share has become dearer than that,
//! a deposit or a payout that falls between two shares is refused. All that a member's shares are
//! worth can always be paid out.

use crate::wide::{mul_div_ceil, mul_div_floor};

/// Fractional bits of the first shares.
const FIRST_SHARE_BITS: u32 = 64;

/// The total of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SharePool {
    /// What all shares are worth together.
    pub value: u64,
    /// All shares.
    pub shares: u128,
}

/// Why a pool refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareError {
    /// The amount is below the price of the smallest share, or too far from that of several.
    TooLittle,
    /// More was asked for than the member's shares are worth.
    TooMuch,
    /// The pool would outgrow its numbers.
    Overflow,
}

impl SharePool {
    /// What some shares are worth, rounded down.
    pub fn value_of(&self, shares: u128) -> u64 {
        let value = mul_div_floor(shares, self.value.into(), self.shares).unwrap_or(0);
        u64::try_from(value).unwrap_or(u64::MAX).min(self.value)
    }

    /// Adds value for a member; returns the shares this mints, rounded down.
    pub fn deposit(&mut self, amount: u64) -> Result<u128, ShareError> {
        let (minted, worth) = if self.shares == 0 || self.value == 0 {
            // Without shares any value left over is nobody's and falls to the first member.
            (u128::from(amount) << FIRST_SHARE_BITS, amount.into())
        } else {
            let minted = mul_div_floor(self.shares, amount.into(), self.value.into())
                .ok_or(ShareError::Overflow)?;
            let worth = mul_div_floor(minted, self.value.into(), self.shares)
                .ok_or(ShareError::Overflow)?;
            (minted, worth)
        };
        if minted == 0 || worth.saturating_add(1) < amount.into() {
            return Err(ShareError::TooLittle);
        }
        let value = self.value.checked_add(amount).ok_or(ShareError::Overflow)?;
        let shares = self.shares.checked_add(minted).ok_or(ShareError::Overflow)?;
        *self = SharePool { value, shares };
        Ok(minted)
    }

    /// Pays value out to a member who holds `held` shares; returns the shares this costs,
    /// rounded up. Paying out all that they are worth takes all of them.
    pub fn withdraw(&mut self, held: u128, amount: u64) -> Result<u128, ShareError> {
        let worth = self.value_of(held);
        if amount > worth {
            return Err(ShareError::TooMuch);
        }
        let cost = if amount == worth {
            held
        } else {
            let cost = mul_div_ceil(self.shares, amount.into(), self.value.into())
                .ok_or(ShareError::Overflow)?
                .min(held);
            if self.value_of(cost) > amount {
                return Err(ShareError::TooLittle);
            }
            cost
        };
        let value = self.value.checked_sub(amount).ok_or(ShareError::TooMuch)?;
        let shares = self.shares.checked_sub(cost).ok_or(ShareError::TooMuch)?;
        *self = SharePool { value, shares };
        Ok(cost)
    }

    /// Adds value for all members in proportion. Refused without members.
    pub fn reward(&mut self, amount: u64) -> Result<(), ShareError> {
        if self.shares == 0 {
            return Err(ShareError::TooLittle);
        }
        self.value = self.value.checked_add(amount).ok_or(ShareError::Overflow)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_lone_member_gets_everything_back() {
        let mut pool = SharePool::default();
        let shares = pool.deposit(1_000).unwrap();
        pool.reward(7).unwrap();
        assert_eq!(pool.withdraw(shares, 1_007), Ok(shares));
        assert_eq!(pool, SharePool::default());
    }

    #[test]
    fn refusals_leave_the_pool_alone() {
        let mut pool = SharePool::default();
        assert_eq!(pool.deposit(0), Err(ShareError::TooLittle));
        assert_eq!(pool.reward(1), Err(ShareError::TooLittle));
        let shares = pool.deposit(5).unwrap();
        let before = pool;
        assert_eq!(pool.withdraw(shares, 6), Err(ShareError::TooMuch));
        assert_eq!(pool.withdraw(shares / 2, 4), Err(ShareError::TooMuch));
        assert_eq!(pool.deposit(u64::MAX), Err(ShareError::Overflow));
        assert_eq!(pool, before);
    }

    #[test]
    fn between_two_dear_shares_there_is_nothing_to_buy_or_to_sell() {
        let mut pool = SharePool { value: 300, shares: 3 };
        assert_eq!(pool.deposit(150), Err(ShareError::TooLittle));
        assert_eq!(pool.withdraw(2, 150), Err(ShareError::TooLittle));
        assert_eq!(pool.withdraw(3, 1), Err(ShareError::TooLittle));
        assert_eq!(pool, SharePool { value: 300, shares: 3 });
        assert_eq!(pool.deposit(1_001), Ok(10));
        assert_eq!(pool.withdraw(12, 100), Ok(1));
        assert_eq!(pool.withdraw(12, 1_201), Ok(12));
        assert_eq!(pool, SharePool::default());
    }

    #[derive(Clone, Debug)]
    enum Step {
        Deposit(usize, u64),
        Withdraw(usize, u64),
        WithdrawAll(usize),
        Reward(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let amount = prop_oneof![1..10u64, 1..1_000_000_000_000u64];
        prop_oneof![
            (0..4usize, amount.clone()).prop_map(|(who, x)| Step::Deposit(who, x)),
            (0..4usize, amount.clone()).prop_map(|(who, x)| Step::Withdraw(who, x)),
            (0..4usize).prop_map(Step::WithdrawAll),
            amount.prop_map(Step::Reward),
        ]
    }

    proptest! {
        #[test]
        fn members_are_never_owed_more_than_there_is(
            steps in prop::collection::vec(step(), 1..80),
        ) {
            let mut pool = SharePool::default();
            let mut held = [0u128; 4];
            for step in steps {
                let before: Vec<u64> = held.iter().map(|shares| pool.value_of(*shares)).collect();
                let actor = match step {
                    Step::Deposit(who, amount) => {
                        let cheap = pool.shares >= pool.value.into();
                        let minted = pool.deposit(amount);
                        prop_assert!(minted.is_ok() || !cheap, "refused without need");
                        if let Ok(minted) = minted {
                            held[who] += minted;
                            prop_assert!(pool.value_of(minted) + 1 >= amount, "it bought less");
                            prop_assert!(pool.value_of(held[who]) <= before[who] + amount);
                        }
                        who
                    }
                    Step::Withdraw(who, amount) => {
                        let then = pool;
                        let cost = pool.withdraw(held[who], amount);
                        let cheap = then.shares >= then.value.into();
                        prop_assert!(cost != Err(ShareError::TooLittle) || !cheap);
                        if let Ok(cost) = cost {
                            held[who] -= cost;
                            prop_assert!(then.value_of(cost) <= amount, "it cost more");
                            prop_assert!(pool.value_of(held[who]) <= before[who] - amount);
                        }
                        who
                    }
                    Step::WithdrawAll(who) => {
                        let cost = pool.withdraw(held[who], before[who]).unwrap();
                        held[who] -= cost;
                        who
                    }
                    Step::Reward(amount) => {
                        let _ = pool.reward(amount);
                        usize::MAX
                    }
                };
                for (who, value) in before.iter().enumerate().filter(|(who, _)| *who != actor) {
                    prop_assert!(pool.value_of(held[who]) >= *value, "others lost");
                }
                prop_assert_eq!(held.iter().sum::<u128>(), pool.shares);
                let owed: u128 = held.iter().map(|x| u128::from(pool.value_of(*x))).sum();
                prop_assert!(owed <= u128::from(pool.value));
                prop_assert!(pool.shares != 0 || pool.value == 0);
            }
        }
    }
}
