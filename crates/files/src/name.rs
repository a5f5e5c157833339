//! Names of files.

/// A file name that keeps names apart and leads out of no directory.
pub fn file_name(words: &[&str]) -> String {
    let safe = |word: &&str| -> String {
        word.chars()
            .map(|c| match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' => c,
                _ => '+',
            })
            .collect()
    };
    words.iter().map(safe).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_out_of_no_directory() {
        assert_eq!(file_name(&["a:b", "../x"]), "a+b.+++x");
    }
}
