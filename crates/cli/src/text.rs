//! Foreign text, made fit for a terminal.

use std::borrow::Cow;

/// Text that came from a container, a label or a file, without control characters: a log line
/// must not move the cursor, change the title of somebody's terminal, or turn the order of what
/// stands around it.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    let is_harmless = |c: char| match c {
        '\n' | '\t' => true,
        // What turns the direction of text, as U+202E does.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            false
        }
        c => !c.is_control(),
    };
    if text.chars().all(is_harmless) {
        return text.into();
    }
    let mut harmless = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\r' => {}
            c if is_harmless(c) => harmless.push(c),
            c => harmless.extend(c.escape_unicode()),
        }
    }
    harmless.into()
}

/// A container's id as Docker shortens it; a name stays as it is.
pub(crate) fn short_id(container: &str) -> &str {
    let is_id = container.len() == 64 && container.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id { &container[..12] } else { container }
}

/// An image's name without the digits that say nothing to a person: `web:1@sha256:01…` is `web:1`, and
/// one without a tag keeps the first twelve.
pub(crate) fn short_image(image: &str) -> Cow<'_, str> {
    let Some((name, digest)) = image.split_once('@') else {
        return image.into();
    };
    // A colon before a slash is a registry's port.
    let has_tag = name
        .rsplit('/')
        .next()
        .is_some_and(|last| last.contains(':'));
    match (has_tag, digest.split_once(':')) {
        (true, _) => name.into(),
        (false, Some((algorithm, digits))) => {
            let start: String = digits.chars().take(12).collect();
            format!("{name}@{algorithm}:{start}").into()
        }
        (false, None) => image.into(),
    }
}

/// At most `most` characters; what is left out shows as `…`.
pub(crate) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => text.into(),
        Some(_) => {
            let start: String = text.chars().take(most.saturating_sub(1)).collect();
            format!("{}…", start.trim_end()).into()
        }
    }
}

/// `n` with its thousands apart: `4,812`.
pub(crate) fn count(n: impl Into<u64>) -> String {
    let digits = n.into().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 request`, `2 requests`.
pub(crate) fn counted(n: u32, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_are_shown_not_sent() {
        assert_eq!(harmless("plain\ttext\n"), "plain\ttext\n");
        assert_eq!(harmless("\u{1b}[2Jgone\r\n"), "\\u{1b}[2Jgone\n");
        assert_eq!(harmless("\u{9b}31m"), "\\u{9b}31m");
        assert_eq!(harmless("größer ✓"), "größer ✓");
        assert_eq!(harmless("a\u{202e}cod.exe"), "a\\u{202e}cod.exe");
    }

    #[test]
    fn only_ids_are_shortened() {
        assert_eq!(short_id(&"0123456789abcdef".repeat(4)), "0123456789ab");
        assert_eq!(short_id("shop-web-1"), "shop-web-1");
    }

    #[test]
    fn an_image_is_told_without_its_digits() {
        let digits = "0123456789abcdef".repeat(4);
        for (image, short) in [
            ("web:1".to_owned(), "web:1"),
            (format!("web:1@sha256:{digits}"), "web:1"),
            (
                format!("host:5000/web@sha256:{digits}"),
                "host:5000/web@sha256:0123456789ab",
            ),
            (
                format!("host:5000/web:1@sha256:{digits}"),
                "host:5000/web:1",
            ),
        ] {
            assert_eq!(short_image(&image), short);
        }
    }

    #[test]
    fn what_is_cut_shows_that_it_was() {
        assert_eq!(cut("größer", 6), "größer");
        assert_eq!(cut("größer als", 8), "größer…");
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(count(0_u32), "0");
        assert_eq!(count(999_u64), "999");
        assert_eq!(count(4812_u32), "4,812");
        assert_eq!(count(1_234_567_u64), "1,234,567");
        assert_eq!(counted(1, "request"), "1 request");
        assert_eq!(counted(2000, "request"), "2,000 requests");
    }
}
