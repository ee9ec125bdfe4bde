//! The calls. Each says who signs it, the errors that it may end with and its event; clients show
//! these lines.

use frame_support::pallet_macros::pallet_section;

/// See the file's header.
#[pallet_section]
mod calls {
    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Begins a crowdloan with the caller's deposit. When its cap is reached, `call` is made in
        /// the caller's name, or all is paid to `target_address`; one of the two is named.
        ///
        /// - Origin: signed, by the creator to be.
        /// - Errors: `DepositTooLow`, `CapTooLow`, `MinimumContributionTooLow`,
        ///   `InvalidFinalizationConfig`, `CannotEndInPast`, `BlockDurationTooShort`,
        ///   `BlockDurationTooLong`, `InsufficientBalance`, `CallUnavailable`.
        /// - Event: `Created`.
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::create())]
        pub fn create(
            origin: OriginFor<T>,
            #[pallet::compact] deposit: u64,
            #[pallet::compact] min_contribution: u64,
            #[pallet::compact] cap: u64,
            #[pallet::compact] end: BlockNumberFor<T>,
            call: Option<Box<<T as Config>::RuntimeCall>>,
            target_address: Option<T::AccountId>,
        ) -> DispatchResult {
            let creator = ensure_signed(origin)?;
            ensure!(deposit >= T::MinimumDeposit::get(), Error::<T>::DepositTooLow);
            ensure!(cap > deposit, Error::<T>::CapTooLow);
            ensure!(
                min_contribution >= T::AbsoluteMinimumContribution::get(),
                Error::<T>::MinimumContributionTooLow
            );
            ensure!(
                call.is_some() != target_address.is_some(),
                Error::<T>::InvalidFinalizationConfig
            );
            Self::check_end(end)?;
            ensure!(T::Currency::balance(&creator) >= deposit, Error::<T>::InsufficientBalance);

            let crowdloan_id = NextCrowdloanId::<T>::get();
            let next = crowdloan_id.checked_add(1).ok_or(Error::<T>::Overflow)?;
            NextCrowdloanId::<T>::put(next);
            let call = match call {
                Some(call) => {
                    ensure!(call.encoded_size() <= CALL_BYTES_MAX, Error::<T>::CallUnavailable);
                    Some(T::Preimages::bound(*call)?)
                }
                None => None,
            };
            let funds_account = Self::funds_account(crowdloan_id);
            // It exists for as long as the crowdloan does, with or without money.
            frame_system::Pallet::<T>::inc_providers(&funds_account);
            Self::pay(&creator, &funds_account, deposit)?;
            Contributions::<T>::insert(crowdloan_id, &creator, deposit);
            let crowdloan = CrowdloanInfo {
                creator: creator.clone(),
                deposit,
                min_contribution,
                end,
                cap,
                funds_account,
                raised: deposit,
                target_address,
                call,
                finalized: false,
                contributors_count: 1,
            };
            Crowdloans::<T>::insert(crowdloan_id, crowdloan);
            Self::deposit_event(Event::Created { crowdloan_id, creator, end, cap });
            Ok(())
        }

        /// Gives to a crowdloan: `amount`, or what of it the cap and the greatest contribution leave
        /// room for.
        ///
        /// - Origin: signed.
        /// - Errors: `InvalidCrowdloanId`, `AlreadyFinalized`, `ContributionPeriodEnded`,
        ///   `CapRaised`, `ContributionTooLow`, `MaxContributorsReached`,
        ///   `MaxContributionReached`, `InsufficientBalance`.
        /// - Event: `Contributed`.
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::contribute())]
        pub fn contribute(
            origin: OriginFor<T>,
            #[pallet::compact] crowdloan_id: CrowdloanId,
            #[pallet::compact] amount: u64,
        ) -> DispatchResult {
            let contributor = ensure_signed(origin)?;
            let mut crowdloan =
                Crowdloans::<T>::get(crowdloan_id).ok_or(Error::<T>::InvalidCrowdloanId)?;
            let now = frame_system::Pallet::<T>::block_number();
            ensure!(now < crowdloan.end, Error::<T>::ContributionPeriodEnded);
            ensure!(crowdloan.raised < crowdloan.cap, Error::<T>::CapRaised);
            ensure!(!crowdloan.finalized, Error::<T>::AlreadyFinalized);
            ensure!(amount >= crowdloan.min_contribution, Error::<T>::ContributionTooLow);
            ensure!(
                crowdloan.contributors_count < T::MaxContributors::get(),
                Error::<T>::MaxContributorsReached
            );
            let before = Contributions::<T>::get(crowdloan_id, &contributor);
            let amount = Self::acceptable(crowdloan_id, &crowdloan, before.unwrap_or(0), amount)?;
            ensure!(T::Currency::balance(&contributor) >= amount, Error::<T>::InsufficientBalance);
            let given = before.unwrap_or(0).checked_add(amount).ok_or(Error::<T>::Overflow)?;
            crowdloan.raised = crowdloan.raised.checked_add(amount).ok_or(Error::<T>::Overflow)?;
            if before.is_none() {
                crowdloan.contributors_count = crowdloan.contributors_count.saturating_add(1);
            }
            Self::pay(&contributor, &crowdloan.funds_account, amount)?;
            Contributions::<T>::insert(crowdloan_id, &contributor, given);
            Crowdloans::<T>::insert(crowdloan_id, crowdloan);
            Self::deposit_event(Event::Contributed { crowdloan_id, contributor, amount });
            Ok(())
        }

        /// Takes back what the caller gave; the creator, what it gave above its deposit.
        ///
        /// - Origin: signed.
        /// - Errors: `InvalidCrowdloanId`, `AlreadyFinalized`, `NoContribution`,
        ///   `DepositCannotBeWithdrawn`.
        /// - Event: `Withdrew`.
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::withdraw())]
        pub fn withdraw(
            origin: OriginFor<T>,
            #[pallet::compact] crowdloan_id: CrowdloanId,
        ) -> DispatchResult {
            let contributor = ensure_signed(origin)?;
            let mut crowdloan = Self::open(crowdloan_id)?;
            let given = Contributions::<T>::get(crowdloan_id, &contributor)
                .ok_or(Error::<T>::NoContribution)?;
            let amount = if contributor == crowdloan.creator {
                let more = given.saturating_sub(crowdloan.deposit);
                ensure!(!more.is_zero(), Error::<T>::DepositCannotBeWithdrawn);
                Contributions::<T>::insert(crowdloan_id, &contributor, crowdloan.deposit);
                more
            } else {
                Contributions::<T>::remove(crowdloan_id, &contributor);
                crowdloan.contributors_count =
                    crowdloan.contributors_count.checked_sub(1).ok_or(Error::<T>::Underflow)?;
                given
            };
            crowdloan.raised = crowdloan.raised.checked_sub(amount).ok_or(Error::<T>::Underflow)?;
            Self::pay(&crowdloan.funds_account, &contributor, amount)?;
            Crowdloans::<T>::insert(crowdloan_id, crowdloan);
            Self::deposit_event(Event::Withdrew { crowdloan_id, contributor, amount });
            Ok(())
        }

        /// Pays out a crowdloan that has reached its cap, or makes its call, which reads in
        /// `CurrentCrowdloanId` which one it is and must spend all of it.
        ///
        /// - Origin: signed, by the creator.
        /// - Errors: `InvalidCrowdloanId`, `InvalidOrigin`, `CapNotRaised`, `AlreadyFinalized`,
        ///   `AlreadyFinalizing`, `CallUnavailable`, `FundsNotSettled`, and those of the call.
        /// - Event: `Finalized`.
        #[pallet::call_index(3)]
        #[pallet::weight(
            T::WeightInfo::finalize().saturating_add(Pallet::<T>::stored_call_weight(*crowdloan_id))
        )]
        pub fn finalize(
            origin: OriginFor<T>,
            #[pallet::compact] crowdloan_id: CrowdloanId,
        ) -> DispatchResult {
            let who = ensure_signed(origin.clone())?;
            let mut crowdloan =
                Crowdloans::<T>::get(crowdloan_id).ok_or(Error::<T>::InvalidCrowdloanId)?;
            ensure!(who == crowdloan.creator, Error::<T>::InvalidOrigin);
            ensure!(crowdloan.raised == crowdloan.cap, Error::<T>::CapNotRaised);
            ensure!(!crowdloan.finalized, Error::<T>::AlreadyFinalized);
            ensure!(!CurrentCrowdloanId::<T>::exists(), Error::<T>::AlreadyFinalizing);
            // Before the call: it may ask for a refund.
            crowdloan.finalized = true;
            Crowdloans::<T>::insert(crowdloan_id, &crowdloan);
            match (&crowdloan.call, &crowdloan.target_address) {
                (Some(call), None) => {
                    let (call, _) =
                        T::Preimages::realize(call).map_err(|_| Error::<T>::CallUnavailable)?;
                    let before = T::Currency::balance(&crowdloan.funds_account);
                    CurrentCrowdloanId::<T>::put(crowdloan_id);
                    call.dispatch(origin).map_err(|failed| failed.error)?;
                    CurrentCrowdloanId::<T>::kill();
                    // What strangers sent there besides is nobody's concern.
                    let after = T::Currency::balance(&crowdloan.funds_account);
                    ensure!(
                        after <= before.saturating_sub(crowdloan.raised),
                        Error::<T>::FundsNotSettled
                    );
                }
                (None, Some(target)) => {
                    Self::pay(&crowdloan.funds_account, target, crowdloan.raised)?;
                }
                _ => return Err(Error::<T>::InvalidFinalizationConfig.into()),
            }
            Self::deposit_event(Event::Finalized { crowdloan_id });
            Ok(())
        }

        /// Gives contributors but the creator their part back, as many as one call may; to be
        /// repeated while `PartiallyRefunded` follows.
        ///
        /// - Origin: signed, by the creator.
        /// - Errors: `InvalidCrowdloanId`, `AlreadyFinalized`, `InvalidOrigin`.
        /// - Event: `AllRefunded` or `PartiallyRefunded`.
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::refund(T::RefundContributorsLimit::get()))]
        pub fn refund(
            origin: OriginFor<T>,
            #[pallet::compact] crowdloan_id: CrowdloanId,
        ) -> DispatchResultWithPostInfo {
            let mut crowdloan = Self::own(origin, crowdloan_id)?;
            let most = usize::try_from(T::RefundContributorsLimit::get()).unwrap_or(usize::MAX);
            let mut others = Contributions::<T>::iter_prefix(crowdloan_id)
                .filter(|(contributor, _)| *contributor != crowdloan.creator);
            let due: alloc::vec::Vec<_> = others.by_ref().take(most).collect();
            let rest = others.next().is_some();
            for (contributor, amount) in &due {
                Self::pay(&crowdloan.funds_account, contributor, *amount)?;
                Contributions::<T>::remove(crowdloan_id, contributor);
                crowdloan.raised =
                    crowdloan.raised.checked_sub(*amount).ok_or(Error::<T>::Underflow)?;
                crowdloan.contributors_count =
                    crowdloan.contributors_count.checked_sub(1).ok_or(Error::<T>::Underflow)?;
            }
            Crowdloans::<T>::insert(crowdloan_id, crowdloan);
            Self::deposit_event(if rest {
                Event::PartiallyRefunded { crowdloan_id }
            } else {
                Event::AllRefunded { crowdloan_id }
            });
            let refunded = u32::try_from(due.len()).unwrap_or(u32::MAX);
            Ok(Some(T::WeightInfo::refund(refunded)).into())
        }

        /// Ends a crowdloan to which nobody but the creator has given; the creator gets its part
        /// back.
        ///
        /// - Origin: signed, by the creator.
        /// - Errors: `InvalidCrowdloanId`, `AlreadyFinalized`, `InvalidOrigin`, `NoContribution`,
        ///   `NotReadyToDissolve`.
        /// - Event: `Dissolved`.
        #[pallet::call_index(5)]
        #[pallet::weight(T::WeightInfo::dissolve())]
        pub fn dissolve(
            origin: OriginFor<T>,
            #[pallet::compact] crowdloan_id: CrowdloanId,
        ) -> DispatchResult {
            let crowdloan = Self::own(origin, crowdloan_id)?;
            let given = Contributions::<T>::get(crowdloan_id, &crowdloan.creator)
                .ok_or(Error::<T>::NoContribution)?;
            ensure!(given == crowdloan.raised, Error::<T>::NotReadyToDissolve);
            Self::pay(&crowdloan.funds_account, &crowdloan.creator, given)?;
            if let Some(call) = &crowdloan.call {
                T::Preimages::drop(call);
            }
            // Somebody may have sent money there besides, which then keeps it.
            let _kept = frame_system::Pallet::<T>::dec_providers(&crowdloan.funds_account);
            Contributions::<T>::remove(crowdloan_id, &crowdloan.creator);
            Crowdloans::<T>::remove(crowdloan_id);
            MaxContributions::<T>::remove(crowdloan_id);
            Self::deposit_event(Event::Dissolved { crowdloan_id });
            Ok(())
        }

        /// Sets the least contribution.
        ///
        /// - Origin: signed, by the creator.
        /// - Errors: `InvalidCrowdloanId`, `AlreadyFinalized`, `InvalidOrigin`,
        ///   `MinimumContributionTooLow`, `MinimumContributionTooHigh`.
        /// - Event: `MinContributionUpdated`.
        #[pallet::call_index(6)]
        #[pallet::weight(T::WeightInfo::update())]
        pub fn update_min_contribution(
            origin: OriginFor<T>,
            #[pallet::compact] crowdloan_id: CrowdloanId,
            #[pallet::compact] new_min_contribution: u64,
        ) -> DispatchResult {
            let crowdloan = Self::own(origin, crowdloan_id)?;
            ensure!(
                new_min_contribution >= T::AbsoluteMinimumContribution::get(),
                Error::<T>::MinimumContributionTooLow
            );
            let most = MaxContributions::<T>::get(crowdloan_id);
            ensure!(
                most.is_none_or(|most| new_min_contribution <= most),
                Error::<T>::MinimumContributionTooHigh
            );
            let crowdloan = CrowdloanInfo { min_contribution: new_min_contribution, ..crowdloan };
            Crowdloans::<T>::insert(crowdloan_id, crowdloan);
            Self::deposit_event(Event::MinContributionUpdated {
                crowdloan_id,
                new_min_contribution,
            });
            Ok(())
        }

        /// Sets the block from which nothing more is taken.
        ///
        /// - Origin: signed, by the creator.
        /// - Errors: `InvalidCrowdloanId`, `AlreadyFinalized`, `InvalidOrigin`,
        ///   `CannotEndInPast`, `BlockDurationTooShort`, `BlockDurationTooLong`.
        /// - Event: `EndUpdated`.
        #[pallet::call_index(7)]
        #[pallet::weight(T::WeightInfo::update())]
        pub fn update_end(
            origin: OriginFor<T>,
            #[pallet::compact] crowdloan_id: CrowdloanId,
            #[pallet::compact] new_end: BlockNumberFor<T>,
        ) -> DispatchResult {
            let crowdloan = Self::own(origin, crowdloan_id)?;
            Self::check_end(new_end)?;
            Crowdloans::<T>::insert(crowdloan_id, CrowdloanInfo { end: new_end, ..crowdloan });
            Self::deposit_event(Event::EndUpdated { crowdloan_id, new_end });
            Ok(())
        }

        /// Sets what is to be raised.
        ///
        /// - Origin: signed, by the creator.
        /// - Errors: `InvalidCrowdloanId`, `AlreadyFinalized`, `InvalidOrigin`, `CapTooLow`.
        /// - Event: `CapUpdated`.
        #[pallet::call_index(8)]
        #[pallet::weight(T::WeightInfo::update())]
        pub fn update_cap(
            origin: OriginFor<T>,
            #[pallet::compact] crowdloan_id: CrowdloanId,
            #[pallet::compact] new_cap: u64,
        ) -> DispatchResult {
            let crowdloan = Self::own(origin, crowdloan_id)?;
            ensure!(new_cap >= crowdloan.raised, Error::<T>::CapTooLow);
            Crowdloans::<T>::insert(crowdloan_id, CrowdloanInfo { cap: new_cap, ..crowdloan });
            Self::deposit_event(Event::CapUpdated { crowdloan_id, new_cap });
            Ok(())
        }

        /// Sets the most that one contributor may give in all, or takes that bound away.
        ///
        /// - Origin: signed, by the creator.
        /// - Errors: `InvalidCrowdloanId`, `AlreadyFinalized`, `InvalidOrigin`,
        ///   `MaximumContributionTooLow`.
        /// - Event: `MaxContributionUpdated`.
        #[pallet::call_index(9)]
        #[pallet::weight(T::WeightInfo::update())]
        pub fn set_max_contribution(
            origin: OriginFor<T>,
            #[pallet::compact] crowdloan_id: CrowdloanId,
            new_max_contribution: Option<u64>,
        ) -> DispatchResult {
            let crowdloan = Self::own(origin, crowdloan_id)?;
            if let Some(most) = new_max_contribution {
                let own = Contributions::<T>::get(crowdloan_id, &crowdloan.creator).unwrap_or(0);
                ensure!(
                    most >= crowdloan.min_contribution && most >= own,
                    Error::<T>::MaximumContributionTooLow
                );
            }
            MaxContributions::<T>::set(crowdloan_id, new_max_contribution);
            Self::deposit_event(Event::MaxContributionUpdated {
                crowdloan_id,
                new_max_contribution,
            });
            Ok(())
        }
    }
}
