//! Lists with a bound. Pure.

/// Adds one to a list of at most `max`; returns how many were lost for want of room: 0 or 1.
pub(crate) fn add<T>(list: &mut Vec<T>, max: usize, one: T) -> u64 {
    let has_room = list.len() < max;
    if has_room {
        list.push(one);
    }
    u64::from(!has_room)
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_finds_no_room_is_told() {
        let mut list = Vec::new();
        let lost: u64 = (0..5).map(|one| super::add(&mut list, 3, one)).sum();
        assert_eq!((list, lost), (vec![0, 1, 2], 2));
    }
}
