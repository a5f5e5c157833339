//! Names in sentences.

/// The known name that is most like `name`, where one is like it at all.
pub fn nearest(name: &str, known: &[String]) -> Option<String> {
    /// Below this the names have too little in common to be a slip of the pen.
    const LIKE: f64 = 0.5;
    let name = name.to_lowercase();
    known
        .iter()
        .map(|other| {
            let likeness = strsim::normalized_damerau_levenshtein(&name, &other.to_lowercase());
            (likeness, other)
        })
        .filter(|(likeness, _)| *likeness >= LIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, other)| other.clone())
}

/// Names as they are read in a sentence.
pub fn list(words: &[impl AsRef<str>]) -> String {
    let words = words.iter().map(|word| format!("`{}`", word.as_ref()));
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_finds_its_service() {
        let known: Vec<_> = ["grafana", "web", "worker"].map(String::from).to_vec();
        assert_eq!(nearest("grafan", &known).as_deref(), Some("grafana"));
        assert_eq!(nearest("Graphana", &known).as_deref(), Some("grafana"));
        assert_eq!(nearest("wbe", &known).as_deref(), Some("web"));
        assert_eq!(nearest("worker1", &known).as_deref(), Some("worker"));
        assert_eq!(nearest("database", &known), None);
        assert_eq!(nearest("web", &[]), None);
    }
}
