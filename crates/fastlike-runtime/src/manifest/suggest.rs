//! "Did you mean …?"

/// The candidate that `word` most likely stands for, if one is near enough
/// to be a slip of the fingers.
pub(super) fn nearest<'c>(
    word: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<&'c str> {
    let word = normal(word);
    let near = candidates
        .into_iter()
        .map(|c| (distance(&word, &normal(c)), c))
        .min_by_key(|(d, _)| *d);
    near.filter(|(d, c)| *d <= (c.chars().count().max(word.len()) / 3).max(1))
        .map(|(_, c)| c)
}

/// Upper case and `-` for `_` are the commonest slips; they cost nothing.
fn normal(word: &str) -> Vec<char> {
    word.chars()
        .map(|c| {
            if c == '-' {
                '_'
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect()
}

/// Edits (insert, delete, replace, swap of neighbours) from `a` to `b`: the
/// optimal string alignment distance, by rows.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut older: Vec<usize> = Vec::new();
    let mut old: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
            let replace = at(&old, j) + usize::from(x != y);
            let mut cost = replace.min(at(&old, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                cost = cost.min(at(&older, j - 1) + 1);
            }
            row.push(cost);
        }
        older = std::mem::replace(&mut old, row);
    }
    old.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    const KEYS: [&str; 4] = ["url", "override_host", "use_sni", "cert_host"];

    #[test]
    fn a_slip_finds_its_key() {
        for (slip, key) in [
            ("urll", "url"),
            ("ulr", "url"),
            ("overide_host", "override_host"),
            ("useSni", "use_sni"),
            ("cert-host", "cert_host"),
        ] {
            assert_eq!(nearest(slip, KEYS), Some(key), "{slip}");
        }
    }

    #[test]
    fn another_word_finds_nothing() {
        for word in ["", "timeout", "certificates_of_the_host", "x"] {
            assert_eq!(nearest(word, KEYS), None, "{word}");
        }
    }
}
