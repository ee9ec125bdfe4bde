//! AdminUtils: setters of hyperparameters, for root and for the owners of subnets.
#![cfg_attr(not(feature = "std"), no_std)]
