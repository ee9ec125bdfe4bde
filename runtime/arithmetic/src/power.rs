//! Powers with fractional exponents, deterministic and with a stated error.
//!
//! `(b / a)^(n / d)` is `2^-(log2(a / b) * n / d)`. The logarithm is found bit by bit through
//! repeated squaring, the power as a product of the constants `2^-(2^-i)`. Both truncate at
//! every step, so both err on a known side, and the margins below turn that into a lower and an
//! upper bound of the exact value:
//!
//! - [`log2_of_ratio`] is below the exact logarithm by less than [`LOG_ERROR`] (2^-118): the
//!   mantissa is truncated once (relative 2^-127) and again at each squaring, but an error made
//!   at step `i` weighs only `2^-i` in the result; the bits after the 120th are dropped.
//! - [`exp2_of_minus`] is below the exact power by less than a relative 2^-117 and one unit:
//!   at most 120 factors and 120 products, each truncated by at most a relative 2^-126.
//!
//! For a 64-bit reserve either bound is thus within a millionth of a rao of the exact amount.

// Shifts and divisions below stay within 256 bits by the widths stated beside them.
#![allow(clippy::arithmetic_side_effects)]

use primitive_types::U256;

use crate::wide::full_mul;

/// One, in the scale of [`exp2_of_minus`]: 127 fractional bits.
pub const ONE: u128 = 1 << 127;
/// Fractional bits of exponents and logarithms.
pub const LOG_BITS: u32 = 120;
/// log2(e) with [`LOG_BITS`] fractional bits, truncated.
pub const LOG2_E: u128 = 0x0171_5476_52b8_2fe1_777d_0ffd_a0d2_3a7d;
/// The most by which [`log2_of_ratio`] falls short.
pub const LOG_ERROR: u128 = 4;
/// Exponents from here on give a power below the smallest number of this scale.
const EXPONENT_MAX: u128 = 127 << LOG_BITS;

/// log2(a / b) with [`LOG_BITS`] fractional bits, rounded down; zero unless `a > b > 0`.
pub fn log2_of_ratio(a: u128, b: u128) -> u128 {
    if b == 0 || a <= b {
        return 0;
    }
    // The ratio is below 2^128, so the whole part fits in 7 bits.
    let mut whole = b.leading_zeros().saturating_sub(a.leading_zeros());
    if U256::from(b) << whole > U256::from(a) {
        whole = whole.saturating_sub(1);
    }
    // 128 + 127 bits above the line, at most 128 below it and not zero.
    let scaled = (U256::from(a) << 127) / (U256::from(b) << whole);
    let mut mantissa = scaled.low_u128();
    let mut logarithm = u128::from(whole);
    for _ in 0..LOG_BITS {
        let (high, low) = full_mul(mantissa, mantissa);
        // The square has 254 fractional bits; its top bit says whether it reached two.
        let doubled = high >> 127;
        mantissa = if doubled == 1 { high } else { (high << 1) | (low >> 127) };
        logarithm = (logarithm << 1) | doubled;
    }
    logarithm
}

/// 2^-exponent with 127 fractional bits, rounded down; the exponent has [`LOG_BITS`] of them.
pub fn exp2_of_minus(exponent: u128) -> u128 {
    if exponent >= EXPONENT_MAX {
        return 0;
    }
    let mut power = ONE;
    for (position, factor) in ROOTS.iter().enumerate() {
        // The first factor belongs to the highest fractional bit.
        let shift = LOG_BITS.saturating_sub(1).saturating_sub(position as u32);
        if (exponent >> shift) & 1 == 1 {
            let (high, low) = full_mul(power, *factor);
            power = (high << 1) | (low >> 127);
        }
    }
    power >> (exponent >> LOG_BITS)
}

/// An exponent `numerator / denominator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exponent {
    /// Above the line.
    pub numerator: u64,
    /// Below the line.
    pub denominator: u64,
}

/// An upper bound of `(small / large)^exponent` with 127 fractional bits; one when the base is
/// not below one.
pub fn power_ceil(small: u128, large: u128, exponent: Exponent) -> u128 {
    let logarithm = scale(log2_of_ratio(large, small), exponent, false);
    let power = exp2_of_minus(logarithm);
    // A relative 2^-117 is at most `power >> 117`; two units cover both truncations.
    power.saturating_add(power >> 117).saturating_add(2).min(ONE)
}

/// A lower bound of `(small / large)^exponent` with 127 fractional bits; zero for a base of zero.
pub fn power_floor(small: u128, large: u128, exponent: Exponent) -> u128 {
    if small == 0 {
        return 0;
    }
    if small >= large {
        return ONE;
    }
    let logarithm = log2_of_ratio(large, small).saturating_add(LOG_ERROR);
    exp2_of_minus(scale(logarithm, exponent, true))
}

/// `logarithm * exponent`, rounded as told; saturates.
fn scale(logarithm: u128, exponent: Exponent, up: bool) -> u128 {
    let product = U256::from(logarithm).saturating_mul(U256::from(exponent.numerator));
    let divisor = U256::from(exponent.denominator.max(1));
    let (quotient, rest) = product.div_mod(divisor);
    let rounded =
        if up && !rest.is_zero() { quotient.saturating_add(U256::one()) } else { quotient };
    u128::try_from(rounded).unwrap_or(u128::MAX)
}

/// The constants `2^-(2^-i)` for `i` from 1 to 120, with 127 fractional bits, rounded down.
#[rustfmt::skip]
const ROOTS: [u128; LOG_BITS as usize] = [
    0x5a827999_fcef3242_2cbec4d9_baa55f4f, 0x6ba27e65_6b4eb57a_1cd345dc_c8169fef,
    0x75606373_ee921c97_6816bad9_b8372a7d, 0x7a92be8a_92436616_3dce863d_76cc07e1,
    0x7d41d96d_b915019d_3e12dd8a_18aebfe6, 0x7e9f0606_7a4360ba_429f9d2c_98f07701,
    0x7f4f08ae_3dc7c425_d6e92cca_f3ce9784, 0x7fa765ac_a88f6452_980dd10b_f78c6ebe,
    0x7fd3ab29_0e46d768_cf9d0da4_7dca62c4, 0x7fe9d3a8_e07bf085_e9dcfc57_0097df03,
    0x7ff4e959_7bed93aa_eef8e945_1bc521c6, 0x7ffa748d_ff8dc61e_c419c707_5f942526,
    0x7ffd3a3f_50020332_11c7c97b_c9202c02, 0x7ffe9d1d_bc0a75a9_e6bb14eb_87f508b5,
    0x7fff4e8e_6306ed58_936f0d76_2543f3dc, 0x7fffa747_12c3cdfd_04f51319_b012060d,
    0x7fffd3a3_81b1fa28_aa136bb6_3b15b5b0, 0x7fffe9d1_beed0189_9def43d4_1bce4499,
    0x7ffff4e8_defb81d7_790f526e_7d83416c, 0x7ffffa74_6f5f012f_1209451e_a30398f8,
    0x7ffffd3a_37a7d0a8_33c47de4_4ba85fb8, 0x7ffffe9d_1bd1fc58_3f3e2438_ee006bb7,
    0x7fffff4e_8de8832d_284b893a_bc978e41, 0x7fffffa7_46f422d6_d63b921e_6848a59b,
    0x7fffffd3_a37a09bb_7ba09266_a418c36a, 0x7fffffe9_d1bd02f1_c1f0a648_139e4a7a,
    0x7ffffff4_e8de80fd_e2005fc1_16e49b5a, 0x7ffffffa_746f4060_314231b2_ca4db0d7,
    0x7ffffffd_3a37a028_68b19923_5450704d, 0x7ffffffe_9d1bd012_485cec9e_d1e0f5e7,
    0x7fffffff_4e8de808_a92f7e52_085c755b, 0x7fffffff_a746f404_35d80129_96b8f2a6,
    0x7fffffff_d3a37a02_133c1114_ed551e7d, 0x7fffffff_e9d1bd01_07b20caa_7ed3776e,
    0x7fffffff_f4e8de80_835e075d_41694da0, 0x7fffffff_fa746f40_419043f0_a1333645,
    0x7fffffff_fd3a37a0_20c07208_d0b9145f, 0x7fffffff_fe9d1bd0_105e4d08_8864632b,
    0x7fffffff_ff4e8de8_082eab85_4c342729, 0x7fffffff_ffa746f4_04173702_e81a90e4,
    0x7fffffff_ffd3a37a_020b93d1_848d67c3, 0x7fffffff_ffe9d1bd_0105c7fc_c666bbb5,
    0x7fffffff_fff4e8de_8082e383_643b5fcf, 0x7fffffff_fffa746f_404171a2_f25fb065,
    0x7fffffff_fffd3a37_a020b8c9_c9405851, 0x7fffffff_fffe9d1b_d0105c62_f8a44c30,
    0x7fffffff_ffff4e8d_e8082e31_01532e1a, 0x7fffffff_ffffa746_f4041718_61e9d90d,
    0x7fffffff_ffffd3a3_7a020b8c_2944fd06, 0x7fffffff_ffffe9d1_bd0105c6_12b682a3,
    0x7fffffff_fffff4e8_de8082e3_08e04259, 0x7fffffff_fffffa74_6f404171_8451616e,
    0x7fffffff_fffffd3a_37a020b8_c22100c7, 0x7fffffff_fffffe9d_1bd0105c_610e9468,
    0x7fffffff_ffffff4e_8de8082e_3086cf35, 0x7fffffff_ffffffa7_46f40417_184348da,
    0x7fffffff_ffffffd3_a37a020b_8c219cbd, 0x7fffffff_ffffffe9_d1bd0105_c610cc72,
    0x7fffffff_fffffff4_e8de8082_e30865be, 0x7fffffff_fffffffa_746f4041_718432c0,
    0x7fffffff_fffffffd_3a37a020_b8c21958, 0x7fffffff_fffffffe_9d1bd010_5c610caa,
    0x7fffffff_ffffffff_4e8de808_2e308654, 0x7fffffff_ffffffff_a746f404_1718432a,
    0x7fffffff_ffffffff_d3a37a02_0b8c2195, 0x7fffffff_ffffffff_e9d1bd01_05c610ca,
    0x7fffffff_ffffffff_f4e8de80_82e30865, 0x7fffffff_ffffffff_fa746f40_41718432,
    0x7fffffff_ffffffff_fd3a37a0_20b8c219, 0x7fffffff_ffffffff_fe9d1bd0_105c610c,
    0x7fffffff_ffffffff_ff4e8de8_082e3086, 0x7fffffff_ffffffff_ffa746f4_04171843,
    0x7fffffff_ffffffff_ffd3a37a_020b8c21, 0x7fffffff_ffffffff_ffe9d1bd_0105c610,
    0x7fffffff_ffffffff_fff4e8de_8082e308, 0x7fffffff_ffffffff_fffa746f_40417184,
    0x7fffffff_ffffffff_fffd3a37_a020b8c2, 0x7fffffff_ffffffff_fffe9d1b_d0105c61,
    0x7fffffff_ffffffff_ffff4e8d_e8082e30, 0x7fffffff_ffffffff_ffffa746_f4041718,
    0x7fffffff_ffffffff_ffffd3a3_7a020b8c, 0x7fffffff_ffffffff_ffffe9d1_bd0105c6,
    0x7fffffff_ffffffff_fffff4e8_de8082e3, 0x7fffffff_ffffffff_fffffa74_6f404171,
    0x7fffffff_ffffffff_fffffd3a_37a020b8, 0x7fffffff_ffffffff_fffffe9d_1bd0105c,
    0x7fffffff_ffffffff_ffffff4e_8de8082e, 0x7fffffff_ffffffff_ffffffa7_46f40417,
    0x7fffffff_ffffffff_ffffffd3_a37a020b, 0x7fffffff_ffffffff_ffffffe9_d1bd0105,
    0x7fffffff_ffffffff_fffffff4_e8de8082, 0x7fffffff_ffffffff_fffffffa_746f4041,
    0x7fffffff_ffffffff_fffffffd_3a37a020, 0x7fffffff_ffffffff_fffffffe_9d1bd010,
    0x7fffffff_ffffffff_ffffffff_4e8de808, 0x7fffffff_ffffffff_ffffffff_a746f404,
    0x7fffffff_ffffffff_ffffffff_d3a37a02, 0x7fffffff_ffffffff_ffffffff_e9d1bd01,
    0x7fffffff_ffffffff_ffffffff_f4e8de80, 0x7fffffff_ffffffff_ffffffff_fa746f40,
    0x7fffffff_ffffffff_ffffffff_fd3a37a0, 0x7fffffff_ffffffff_ffffffff_fe9d1bd0,
    0x7fffffff_ffffffff_ffffffff_ff4e8de8, 0x7fffffff_ffffffff_ffffffff_ffa746f4,
    0x7fffffff_ffffffff_ffffffff_ffd3a37a, 0x7fffffff_ffffffff_ffffffff_ffe9d1bd,
    0x7fffffff_ffffffff_ffffffff_fff4e8de, 0x7fffffff_ffffffff_ffffffff_fffa746f,
    0x7fffffff_ffffffff_ffffffff_fffd3a37, 0x7fffffff_ffffffff_ffffffff_fffe9d1b,
    0x7fffffff_ffffffff_ffffffff_ffff4e8d, 0x7fffffff_ffffffff_ffffffff_ffffa746,
    0x7fffffff_ffffffff_ffffffff_ffffd3a3, 0x7fffffff_ffffffff_ffffffff_ffffe9d1,
    0x7fffffff_ffffffff_ffffffff_fffff4e8, 0x7fffffff_ffffffff_ffffffff_fffffa74,
    0x7fffffff_ffffffff_ffffffff_fffffd3a, 0x7fffffff_ffffffff_ffffffff_fffffe9d,
    0x7fffffff_ffffffff_ffffffff_ffffff4e, 0x7fffffff_ffffffff_ffffffff_ffffffa7,
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HALF: Exponent = Exponent { numerator: 1, denominator: 2 };
    const WHOLE: Exponent = Exponent { numerator: 1, denominator: 1 };

    #[test]
    fn known_values() {
        assert_eq!(log2_of_ratio(8, 1), 3 << LOG_BITS);
        assert_eq!(log2_of_ratio(u128::MAX, 1) >> LOG_BITS, 127);
        assert_eq!(log2_of_ratio(1, 2), 0);
        assert_eq!(log2_of_ratio(1, 0), 0);
        assert_eq!(exp2_of_minus(0), ONE);
        assert_eq!(exp2_of_minus(1 << LOG_BITS), ONE >> 1);
        assert_eq!(exp2_of_minus(127 << LOG_BITS), 0);
        // log2(3), from its published binary expansion.
        assert_eq!(log2_of_ratio(3, 1) >> (LOG_BITS - 60), 0x195c_01a3_9fbd_6879);
    }

    proptest! {
        #[test]
        fn the_whole_power_lies_between_its_bounds(small in 1u64.., more: u64) {
            let large = u128::from(small) + u128::from(more);
            let exact = (U256::from(small) << 127) / U256::from(large);
            let (low, high) = (
                power_floor(small.into(), large, WHOLE),
                power_ceil(small.into(), large, WHOLE),
            );
            prop_assert!(U256::from(low) <= exact && exact <= U256::from(high));
            prop_assert!(high - low <= (high >> 109) + 8, "{}", high - low);
        }

        #[test]
        fn the_square_of_a_root_lies_around_the_base(small in 1u64.., more in 1u64..) {
            let large = u128::from(small) + u128::from(more);
            let square = |root: u128| (U256::from(root) * U256::from(root)) >> 127;
            let base = (U256::from(small) << 127) / U256::from(large);
            prop_assert!(square(power_floor(small.into(), large, HALF)) <= base + 1);
            prop_assert!(square(power_ceil(small.into(), large, HALF)) >= base);
        }
    }
}
