//! Symbols of tokens: a small alphabet, each letter used by at most one subnet.
//!
//! Subnet n gets the n-th letter; when that is taken, the first free one; when none is free, the
//! chain's own.

use crate::*;
use alloc::{string::ToString, vec::Vec};
use frame_support::{ensure, traits::Get};
use sp_runtime::DispatchResult;

/// Lower-case letters, without tau, which is the chain's own.
const GREEK: &str = "αβγδεζηθικλμνξοπρσυφχψω";
const HEBREW: &str = "אבגדהוזחטיכלמנסעפצקרשת";
const CYRILLIC: &str = "бгджзиклнпуфцчшщыэюяђљњћџ";
const ALPHABETS: [&str; 3] = [GREEK, HEBREW, CYRILLIC];

fn symbols() -> impl Iterator<Item = Vec<u8>> {
    ALPHABETS.iter().flat_map(|letters| letters.chars()).map(|c| c.to_string().into_bytes())
}

impl<T: Config> Pallet<T> {
    /// A symbol that no subnet has.
    pub(crate) fn free_symbol(netuid: NetUid) -> Vec<u8> {
        let own = usize::from(u16::from(netuid)).checked_sub(1).and_then(|n| symbols().nth(n));
        own.into_iter()
            .chain(symbols())
            .find(|symbol| !Self::symbol_taken(symbol))
            .unwrap_or_else(storage::defaults::DefaultSymbol::<T>::get)
    }

    fn symbol_taken(symbol: &[u8]) -> bool {
        TokenSymbol::<T>::iter_values().any(|taken| taken == symbol)
    }

    pub(crate) fn do_update_symbol(netuid: NetUid, symbol: Vec<u8>) -> DispatchResult {
        ensure!(symbols().any(|known| known == symbol), Error::<T>::SymbolDoesNotExist);
        ensure!(!Self::symbol_taken(&symbol), Error::<T>::SymbolAlreadyInUse);
        TokenSymbol::<T>::insert(netuid, &symbol);
        Self::deposit_event(Event::SymbolUpdated { netuid, symbol });
        Ok(())
    }
}
