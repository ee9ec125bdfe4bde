//! Symbols of tokens: the public chain's letters in its order, each used by at most one subnet.
//!
//! Subnet n gets the n-th letter; when that is taken, the first free one; when none is free, or
//! for root, the capital tau. Clients show the letters as they are, so that a subnet has here the
//! one that its number has there.

use crate::*;
use alloc::{string::ToString, vec::Vec};
use frame_support::ensure;
use sp_runtime::DispatchResult;

/// Root's letter, and of those that come too late for one of their own.
const ROOT_SYMBOL: &str = "Τ";

/// Letters of subnets from 1 on. Some code points stand for no letter; the public chain has them.
const SYMBOLS: [&str; 13] = [
    "αβγδεζηθικλμνξοπρσtυφχψωאבגדהוזחטיךכ",
    "לםמןנסעףפץצקרשתابتثجحخدذرزسشصضطظعغفق",
    "كلمنهويىᚠᚢᚦᚨᚱᚳЫᛉᛒ ᚁᚂᚃᚄᚅ᚛აბგდევԱԲԳԴԵԶ",
    "՞ЀЁЂЃЄЅъⲀⲁⲂⲃⲄⲅ𑀀𑀁𑀂𑀃𑀅නඳපඵබභⰀⰁⰂⰃⰄⰅⰆⰇⰈⰉⰊ",
    "ⰋⰌⰍⰎⰏⰐⰑⰒⰓⰔⰕⰖⰗⰘⰙⰚⰛⰜⰝⰞⰟⰠกขฃคฅฆงจฉชซฌญฎ",
    "ฏฐฑฒณดตถทธนบปผฝพฟภมยรลวศษสหฬอฮㄱㄴㄷㄹㅁㅂ",
    "ㅅㅇㅈㅊㅋㅌㅍㅎㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣአኡኢኣኤእኦ",
    "ኧወዉዊዋዌውዎኰ኱ኲኳኴኵ኶ጐ጑ጒመጔጕ጖अआइईउऊऋएऐओऔकखग",
    "घङचछजझञटठडढणतथदधनपफबभमयरलवशषसहアイウエオカ",
    "キクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレ",
    "ロワヲンⴰⴱⴲⴳⴴⴵⴶⴷⴸⴹⴺⴻⴼⴽⴾⴿⵀⵁⵂⵃⵄⵅⵆⵇⵈⵉⵊⵋⵌⵍⵎⵏ",
    "ⵐⵑⵒⵓඅආඉඊඋඌඍඎඏඐඑඒඓඔඕඖකඛගඝඞචඡජඣඤටඥඦඩඨඪ",
    "ණඬතථදධ",
];

fn symbols() -> impl Iterator<Item = Vec<u8>> {
    SYMBOLS.iter().flat_map(|letters| letters.chars()).map(|c| c.to_string().into_bytes())
}

impl<T: Config> Pallet<T> {
    /// A symbol that no subnet has.
    pub(crate) fn free_symbol(netuid: NetUid) -> Vec<u8> {
        let own = usize::from(u16::from(netuid)).checked_sub(1).and_then(|n| symbols().nth(n));
        own.into_iter()
            .chain(symbols())
            .find(|symbol| !Self::symbol_taken(symbol))
            .unwrap_or_else(Self::root_symbol)
    }

    pub(crate) fn root_symbol() -> Vec<u8> {
        ROOT_SYMBOL.as_bytes().to_vec()
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
