//! At which pace a load went on. A CPU of a shared machine goes at several, each for a second or so, by what runs beside it
//! on the same core: a load is cut into slices, and those of all runs that went at full pace are compared.

use std::io;

use nix::time::ClockId;
use nix::time::clock_gettime;

use super::statistics;

/// Slices of one run that is a loop: some 30 ms each.
const SLICES: u32 = 40;
/// So large a share of all slices, the shortest, went at full pace.
const FULL: f64 = 0.05;

/// The CPU time that this process took for each part of a load.
pub struct Pace {
    of_a_slice: u32,
    left: u32,
    before_us: i64,
    slices_us: Vec<i64>,
}

impl Pace {
    /// Begins a load of so many steps.
    ///
    /// # Errors
    /// When the CPU time cannot be read.
    pub fn begin(steps: u32) -> io::Result<Self> {
        let of_a_slice = (steps / SLICES).max(1);
        Ok(Self { of_a_slice, left: of_a_slice, before_us: cpu_us()?, slices_us: Vec::new() })
    }

    /// Counts a step that was done.
    ///
    /// # Errors
    /// When the CPU time cannot be read.
    pub fn step(&mut self) -> io::Result<()> {
        self.left -= 1;
        if self.left == 0 {
            self.left = self.of_a_slice;
            let now = cpu_us()?;
            self.slices_us.push(now - self.before_us);
            self.before_us = now;
        }
        Ok(())
    }

    /// The slices, µs, as [`read`] takes them.
    pub fn line(&self) -> String {
        self.slices_us.iter().map(i64::to_string).collect::<Vec<_>>().join(" ")
    }
}

/// What a load printed of its slices, µs.
pub fn read(line: &str) -> Vec<f64> {
    line.split(' ').filter_map(|slice| slice.parse().ok()).collect()
}

/// By how much the slices of some runs are longer than those of others where both went at full pace. None without any.
pub fn ratio(with: &[f64], without: &[f64]) -> Option<f64> {
    let (with, without) = (statistics::quantile(with, FULL)?, statistics::quantile(without, FULL)?);
    Some(with / without)
}

/// By how many percent the rates of some runs fall short of those of others where both went at full pace. None without any.
pub fn percent_short(with: &[f64], without: &[f64]) -> Option<f64> {
    let (with, without) =
        (statistics::quantile(with, 1.0 - FULL)?, statistics::quantile(without, 1.0 - FULL)?);
    Some((1.0 - with / without) * 100.0)
}

fn cpu_us() -> io::Result<i64> {
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?;
    Ok(time.tv_sec() * 1_000_000 + time.tv_nsec() / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_cut_into_slices() {
        let mut pace = Pace::begin(1_000).unwrap();
        (0..1_000).for_each(|_| pace.step().unwrap());
        assert_eq!(read(&pace.line()).len(), SLICES as usize);
        assert!(read("").is_empty());
        let mut few = Pace::begin(2).unwrap();
        few.step().unwrap();
        assert_eq!(read(&few.line()).len(), 1);
    }

    #[test]
    fn what_went_slowly_is_not_compared() {
        let paces = |full: f64, slow: usize| [vec![full; 40], vec![full * 1.5; slow]].concat();
        let found = ratio(&paces(1.02, 300), &paces(1.0, 100)).unwrap();
        assert!((found - 1.02).abs() < 1e-9, "{found}");
        assert_eq!(ratio(&[], &[1.0]), None);
        let rates = |full: f64, slow: usize| [vec![full; 40], vec![full / 1.5; slow]].concat();
        let short = percent_short(&rates(98.0, 300), &rates(100.0, 100)).unwrap();
        assert!((short - 2.0).abs() < 1e-9, "{short}");
    }
}
