//! Chance that a seed repeats, and the values that are worth drawing.

/// SplitMix64: a generator that fits in five lines and whose every seed is as good as another.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        self.next() as usize % bound.max(1)
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// A number of at most `bits` bits: mostly small or of the size of an amount in rao, now and
    /// then at an edge of its type.
    pub fn number(&mut self, bits: u32) -> u128 {
        let most = u128::MAX >> (128 - bits);
        let drawn = match self.below(16) {
            0 => most,
            1 => most - self.below(3) as u128,
            2 => u128::from(self.next()) << 64 | u128::from(self.next()),
            3 => 1 << self.below(bits as usize),
            4..=8 => self.below(4) as u128,
            9..=10 => self.below(300) as u128,
            _ => u128::from(self.next()) % 1_000_000_000_000,
        };
        drawn & most
    }

    /// How many entries a list gets: few, seldom many.
    pub fn length(&mut self) -> usize {
        match self.below(200) {
            0 => self.below(400),
            1..=9 => self.below(70),
            _ => self.below(5),
        }
    }
}
