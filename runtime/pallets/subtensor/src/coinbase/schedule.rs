//! When epochs run (subtensor.md 6).
//!
//! A subnet's epoch is due once a tempo, when its owner ordered one, or when for some reason none
//! has run for [`STEP_GAP_MAX`] blocks. No more than `MaxEpochsPerBlock` run in a block, and none
//! begins once those before it have taken [`EPOCHS_PART`] of the block; the rest are put off to the
//! next, lowest netuid first. The first of a block runs whatever it takes, so that some epoch runs
//! in every block in which one is due.

use crate::*;
use frame_support::{ensure, storage::with_storage_layer, traits::Get, weights::Weight};
use sp_runtime::{DispatchResult, Perbill};

/// A subnet whose epochs were put off for this long runs one whatever its tempo: the longest tempo
/// there is.
const STEP_GAP_MAX: u64 = crate::subnets::MAX_TEMPO as u64;

/// What epochs may have taken of a block's time for one more to begin: the other half is for
/// extrinsics, and for what the last epoch takes beyond. What an epoch takes is known only when it
/// has run, since others can give it much to do. The public chain has no such bound: its epochs are
/// put off by their number alone.
const EPOCHS_PART: Perbill = Perbill::from_percent(50);

impl<T: Config> Pallet<T> {
    /// The block in which the next epoch is due, were none ordered or put off in between; `None`
    /// for a subnet whose epochs are stopped.
    pub fn next_epoch_block(netuid: NetUid) -> Option<u64> {
        let tempo = u64::from(Tempo::<T>::get(netuid));
        if tempo == 0 {
            return None;
        }
        let regular = LastEpochBlock::<T>::get(netuid).saturating_add(tempo);
        let ordered = PendingEpochAt::<T>::get(netuid);
        Some(if ordered > 0 { regular.min(ordered) } else { regular })
    }

    pub(crate) fn epoch_is_due(netuid: NetUid, block: u64) -> bool {
        let tempo = u64::from(Tempo::<T>::get(netuid));
        let ordered = PendingEpochAt::<T>::get(netuid);
        let since_last = block.saturating_sub(LastEpochBlock::<T>::get(netuid));
        tempo != 0
            && ((ordered != 0 && block >= ordered)
                || BlocksSinceLastStep::<T>::get(netuid) > STEP_GAP_MAX
                || since_last >= tempo)
    }

    /// Runs the epochs that are due, as many as a block may hold; answers what they took.
    pub(super) fn run_due_epochs(block: u64, subnets: &[NetUid]) -> Weight {
        let limit = MaxEpochsPerBlock::<T>::get();
        let room = EPOCHS_PART.mul_floor(T::BlockWeights::get().max_block.ref_time());
        let (mut ran, mut taken) = (0u8, Weight::zero());
        for netuid in subnets {
            BlocksSinceLastStep::<T>::mutate(netuid, |blocks| *blocks = blocks.saturating_add(1));
        }
        let openings = Self::open_timelocked(block, subnets);
        for netuid in subnets.iter().copied() {
            if !Self::epoch_is_due(netuid, block) {
                continue;
            }
            if ran >= limit || (ran > 0 && taken.ref_time() >= room) {
                let next = block.saturating_add(1);
                PendingEpochAt::<T>::insert(netuid, next);
                Self::deposit_event(Event::EpochDeferred {
                    netuid,
                    from_block: block,
                    to_block: next,
                });
                continue;
            }
            ran = ran.saturating_add(1);
            taken.saturating_accrue(T::WeightInfo::epoch(&Self::step(netuid, block)));
        }
        taken.saturating_add(openings)
    }

    /// One epoch of a subnet; answers what it had to do. If its state is inconsistent nothing is
    /// paid and what is pending waits for the next; the schedule goes on either way.
    fn step(netuid: NetUid, block: u64) -> EpochLoad {
        let mechanisms = match SubnetEpochConsensus::<T>::get(netuid) {
            EpochConsensus::Yuma => u8::from(MechanismCountCurrent::<T>::get(netuid)).into(),
            // One row decides, which is part of what each neuron is weighed for.
            EpochConsensus::Null => 0,
        };
        let neurons = SubnetworkN::<T>::get(netuid).into();
        let sealed = Self::sealed_rows(netuid);
        let mut load = EpochLoad { neurons, mechanisms, sealed, ..Default::default() };
        if with_storage_layer(|| Self::pay_epoch(netuid, block, &mut load)).is_ok() {
            BlocksSinceLastStep::<T>::insert(netuid, 0);
            LastMechansimStepBlock::<T>::insert(netuid, block);
        } else {
            Self::deposit_event(Event::EpochSkipped { netuid, block });
        }
        LastEpochBlock::<T>::insert(netuid, block);
        PendingEpochAt::<T>::insert(netuid, 0);
        SubnetEpochIndex::<T>::mutate(netuid, |index| *index = index.saturating_add(1));
        Self::activate_pending_children(netuid, block, &mut load);
        load
    }

    /// Orders an epoch for when the freeze window has passed, in which others see it coming. Owners
    /// may do so as seldom as they may change a hyperparameter, and not under commit-reveal, whose
    /// reveals are timed by epochs.
    pub(crate) fn do_trigger_epoch(owner: T::AccountId, netuid: NetUid) -> DispatchResult {
        ensure!(
            !CommitRevealWeightsEnabled::<T>::get(netuid),
            Error::<T>::DynamicTempoBlockedByCommitReveal
        );
        let now = Self::block();
        ensure!(PendingEpochAt::<T>::get(netuid) == 0, Error::<T>::EpochTriggerAlreadyPending);
        let fires_at = now.saturating_add(AdminFreezeWindow::<T>::get().into()).max(1);
        ensure!(
            Self::next_epoch_block(netuid).is_some_and(|next| next > fires_at),
            Error::<T>::AutoEpochAlreadyImminent
        );
        let limit = RateLimitKey::OwnerHyperparamUpdate(netuid, Hyperparameter::TriggerEpoch);
        let wait = u64::from(OwnerHyperparamRateLimit::<T>::get())
            .saturating_mul(u64::from(Tempo::<T>::get(netuid)));
        Self::ensure_waited(&limit, wait)?;
        LastRateLimitedBlock::<T>::insert(limit, now);
        PendingEpochAt::<T>::insert(netuid, fires_at);
        Self::deposit_event(Event::EpochTriggered { netuid, by: owner, fires_at });
        Ok(())
    }
}
