//! Medians, spreads and ratios of measured samples. Pure.

/// The middle of the samples; the mean of the two middle ones where their number is even. None of no samples.
pub fn median(samples: &[f64]) -> Option<f64> {
    quantile(samples, 0.5)
}

/// The value below which so large a share of the samples lies (0 to 1), interpolated. None of no samples.
pub fn quantile(samples: &[f64], share: f64) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = share.clamp(0.0, 1.0) * sorted.len().checked_sub(1)? as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    Some(below + (above - below) * at.fract())
}

/// Each sample over the one of the same round without; rounds are paired by their order.
pub fn ratios(with: &[f64], without: &[f64]) -> Vec<f64> {
    with.iter().zip(without).map(|(with, without)| with / without).collect()
}

/// By how many percent each sample falls short of the one of the same round without; negative where it is more.
pub fn percent_short(with: &[f64], without: &[f64]) -> Vec<f64> {
    ratios(with, without).iter().map(|ratio| (1.0 - ratio) * 100.0).collect()
}

/// Lowest and highest. None of no samples.
pub fn range(samples: &[f64]) -> Option<(f64, f64)> {
    Some((samples.iter().copied().reduce(f64::min)?, samples.iter().copied().reduce(f64::max)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_samples_in_any_order() {
        for (samples, expected) in [
            (vec![], None),
            (vec![3.0], Some(3.0)),
            (vec![3.0, 1.0], Some(2.0)),
            (vec![9.0, 1.0, 5.0], Some(5.0)),
            (vec![4.0, 1.0, 100.0, 2.0], Some(3.0)),
        ] {
            assert_eq!(median(&samples), expected, "{samples:?}");
        }
    }

    #[test]
    fn quantiles_interpolate_and_never_leave_the_samples() {
        let samples = [4.0, 0.0, 2.0, 1.0, 3.0];
        for (share, expected) in [(0.0, 0.0), (0.25, 1.0), (0.5, 2.0), (0.9, 3.6), (1.0, 4.0), (7.0, 4.0)] {
            assert_eq!(quantile(&samples, share), Some(expected), "{share}");
        }
        assert_eq!(quantile(&[], 0.9), None);
        assert_eq!(range(&samples), Some((0.0, 4.0)));
        assert_eq!(range(&[]), None);
    }

    #[test]
    fn rounds_are_compared_with_themselves() {
        // A drift that both sides share leaves the ratio of each round as it is.
        assert_eq!(ratios(&[2.0, 4.0, 8.0], &[1.0, 2.0, 4.0]), [2.0, 2.0, 2.0]);
        assert_eq!(
            percent_short(&[99.0, 101.0], &[100.0, 100.0]).iter().map(|p| p.round()).collect::<Vec<_>>(),
            [1.0, -1.0]
        );
    }
}
