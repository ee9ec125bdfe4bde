//! The arithmetic of the chain, and nothing else: no storage, no accounts, no FRAME.
//!
//! Every rule that turns stake, weights and prices into amounts lives here as a pure function
//! of plain integers, so that it can be tested in seconds, compared with golden vectors bit for
//! bit, and read without knowing Substrate. The pallet reads storage, calls these functions and
//! writes what they return.
//!
//! Invariants of the whole crate:
//! - No floating point anywhere: the same input gives the same bits on every machine.
//! - No panics: every operation is checked or saturates at a bound its documentation states.
//! - Amounts (`u64`, in rao) round so that what is paid out never exceeds what came in: down for
//!   a person, up for a pool.
//!
//! Reading order: [`fixed`] and [`sparse`] carry the numbers; [`epoch`] is Yuma consensus;
//! [`issuance`], [`coinbase`], [`dividends`] and [`burn`] follow an emission from its minting to
//! its owners; [`difficulty`] is that of proof of work; [`pool`] and [`share_pool`] hold what they
//! own, [`lock`] what they may not sell; [`lease`] divides among those who paid for a subnet; [`voting`] is an average. Formulas cite the description of
//! the public chain in `docs/reference/subtensor.md` by its sections ("subtensor.md 7"), or what
//! executing public runtimes showed ("executed runtimes").

#![cfg_attr(not(feature = "std"), no_std)]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
// A test is there to panic.
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

extern crate alloc;

pub mod burn;
pub mod coinbase;
pub mod difficulty;
pub mod dividends;
pub mod epoch;
pub mod fixed;
pub mod issuance;
pub mod lease;
pub mod lock;
pub mod pool;
pub mod power;
pub mod share_pool;
pub mod sparse;
pub mod voting;
pub mod weights;
pub mod wide;
