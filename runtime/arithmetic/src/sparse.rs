//! Sparse matrices of fixed-point numbers: one row a validator, one column a neuron it rates.
//!
//! A row holds its entries by ascending column, without zeros from reading; an absent entry is
//! zero. Everything the epoch does with weights and bonds is one of the operations below, each
//! a single pass over the entries.

use alloc::{vec, vec::Vec};

use crate::fixed::{self, Fixed};

/// Entries of one row: (column, value), by ascending column.
pub type Row = Vec<(u16, Fixed)>;

/// A square sparse matrix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sparse {
    rows: Vec<Row>,
}

impl Sparse {
    /// Reads stored rows, turning each value by `convert` and leaving out zeros. Rows may come
    /// unordered; columns outside the matrix are left out, and of a column named twice the
    /// first entry counts. Missing rows are empty, surplus rows are left out.
    pub fn read(size: usize, stored: &[Vec<(u16, u16)>], convert: impl Fn(u16) -> Fixed) -> Self {
        let mut rows = vec![Row::new(); size];
        for (row, entries) in rows.iter_mut().zip(stored) {
            row.extend(
                entries
                    .iter()
                    .filter(|(column, _)| usize::from(*column) < size)
                    .map(|(column, value)| (*column, convert(*value))),
            );
            row.sort_by_key(|(column, _)| *column);
            row.dedup_by_key(|(column, _)| *column);
            row.retain(|(_, value)| *value != Fixed::ZERO);
        }
        Sparse { rows }
    }

    /// Its rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The number of rows and columns.
    pub fn size(&self) -> usize {
        self.rows.len()
    }

    /// Keeps only the entries (row, column) that `keep` names.
    pub fn retain(&mut self, keep: impl Fn(usize, usize) -> bool) {
        for (index, row) in self.rows.iter_mut().enumerate() {
            row.retain(|(column, _)| keep(index, usize::from(*column)));
        }
    }

    /// A matrix with the same entries, each turned by `change(row, column, value)`.
    pub fn map(&self, change: impl Fn(usize, usize, Fixed) -> Fixed) -> Self {
        let rows = self.rows.iter().enumerate().map(|(index, row)| {
            let entry = |(column, value): &(u16, Fixed)| {
                (*column, change(index, usize::from(*column), *value))
            };
            row.iter().map(entry).collect()
        });
        Sparse { rows: rows.collect() }
    }

    /// Leaves zeros out.
    pub fn without_zeros(mut self) -> Self {
        self.rows.iter_mut().for_each(|row| row.retain(|(_, value)| *value != Fixed::ZERO));
        self
    }

    /// Entry by entry over the union of two matrices of one size: `join(row, column, a, b)`,
    /// zero standing for an absent entry. Zero results are left out.
    pub fn zip(&self, other: &Sparse, join: impl Fn(usize, usize, Fixed, Fixed) -> Fixed) -> Self {
        let pairs = self.rows.iter().zip(&other.rows).enumerate();
        let rows = pairs.map(|(index, (left, right))| {
            merge(left, right, |column, a, b| join(index, usize::from(column), a, b))
        });
        Sparse { rows: rows.collect() }.without_zeros()
    }

    /// Divides each row by its sum; a row that sums to zero stays.
    pub fn normalise_rows(&mut self) {
        for row in &mut self.rows {
            let total = fixed::sum(row.iter().map(|(_, value)| value));
            if total != 0 {
                row.iter_mut().for_each(|(_, value)| *value = value.div_by_sum(total));
            }
        }
    }

    /// Divides each column by its sum; a column that sums to zero stays.
    pub fn normalise_columns(&mut self) {
        let totals = self.column_sums();
        self.divide_columns(&totals);
    }

    /// Divides each column by its largest entry, so that this becomes one.
    pub fn upscale_columns(&mut self) {
        let mut largest = vec![0i128; self.size()];
        for (column, value) in self.rows.iter().flatten() {
            if let Some(best) = largest.get_mut(usize::from(*column)) {
                *best = (*best).max(i128::from(value.raw()));
            }
        }
        self.divide_columns(&largest);
    }

    /// The exact sum of each column, as raw bits.
    pub fn column_sums(&self) -> Vec<i128> {
        let mut totals = vec![0i128; self.size()];
        for (column, value) in self.rows.iter().flatten() {
            if let Some(total) = totals.get_mut(usize::from(*column)) {
                *total = total.saturating_add(value.raw().into());
            }
        }
        totals
    }

    /// The sum of each row.
    pub fn row_sums(&self) -> Vec<Fixed> {
        let sum_of = |row: &Row| fixed::from_sum(fixed::sum(row.iter().map(|(_, value)| value)));
        self.rows.iter().map(sum_of).collect()
    }

    /// For each column j, the sum over rows i of `weights[i] * entry(i, j)`: how neurons are
    /// rated by stake.
    pub fn weigh_rows(&self, weights: &[Fixed]) -> Vec<Fixed> {
        self.map(|row, _, value| at(weights, row).times(value))
            .column_sums()
            .into_iter()
            .map(fixed::from_sum)
            .collect()
    }

    /// For each row i, the sum over columns j of `entry(i, j) * weights[j]`: what a validator's
    /// bonds earn.
    pub fn weigh_columns(&self, weights: &[Fixed]) -> Vec<Fixed> {
        self.map(|_, column, value| value.times(at(weights, column))).row_sums()
    }

    fn divide_columns(&mut self, divisors: &[i128]) {
        for (column, value) in self.rows.iter_mut().flatten() {
            let divisor = divisors.get(usize::from(*column)).copied().unwrap_or(0);
            if divisor != 0 {
                *value = value.div_by_sum(divisor);
            }
        }
    }
}

/// The number at an index; zero outside.
pub fn at(values: &[Fixed], index: usize) -> Fixed {
    values.get(index).copied().unwrap_or(Fixed::ZERO)
}

fn merge(left: &Row, right: &Row, join: impl Fn(u16, Fixed, Fixed) -> Fixed) -> Row {
    let mut merged = Row::with_capacity(left.len().max(right.len()));
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    loop {
        let column = match (left.peek(), right.peek()) {
            (Some((a, _)), Some((b, _))) => *a.min(b),
            (Some((a, _)), None) => *a,
            (None, Some((b, _))) => *b,
            (None, None) => return merged,
        };
        let a = left.next_if(|(at, _)| *at == column).map_or(Fixed::ZERO, |(_, value)| *value);
        let b = right.next_if(|(at, _)| *at == column).map_or(Fixed::ZERO, |(_, value)| *value);
        merged.push((column, join(column, a, b)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix() -> Sparse {
        Sparse::read(3, &[vec![(2, 3), (1, 1), (9, 7)], vec![(1, 3), (0, 0)]], Fixed::from_u16)
    }

    #[test]
    fn reading_sorts_bounds_and_drops_zeros() {
        let matrix = matrix();
        let row: Row = vec![(1, Fixed::from_u16(1)), (2, Fixed::from_u16(3))];
        assert_eq!(matrix.rows()[0], row);
        assert_eq!(matrix.rows()[1].len(), 1);
        assert!(matrix.rows()[2].is_empty());
    }

    #[test]
    fn columns_and_rows_normalise_to_one() {
        let mut columns = matrix();
        columns.normalise_columns();
        assert_eq!(columns.rows()[0][0].1, Fixed::from_ratio(1, 4));
        assert_eq!(columns.rows()[0][1].1, Fixed::ONE);
        let mut rows = matrix();
        rows.normalise_rows();
        assert_eq!(rows.rows()[0][1].1, Fixed::from_ratio(3, 4));
        let mut largest = matrix();
        largest.upscale_columns();
        assert_eq!(largest.rows()[0][0].1, Fixed::from_ratio(1, 3));
    }

    #[test]
    fn zip_covers_the_union_and_drops_zeros() {
        let other = Sparse::read(3, &[vec![(0, 5), (1, 1)]], Fixed::from_u16);
        let difference = matrix().zip(&other, |_, _, a, b| a.minus(b));
        assert_eq!(difference.rows()[0].iter().map(|(c, _)| *c).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(difference.rows()[0][0].1.raw(), -5 << 32);
    }

    #[test]
    fn weighing_sums_along_either_side() {
        let ones = [Fixed::ONE; 3];
        assert_eq!(matrix().weigh_rows(&ones)[1], Fixed::from_u16(4));
        assert_eq!(matrix().weigh_columns(&ones)[0], Fixed::from_u16(4));
    }
}
