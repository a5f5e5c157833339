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
    fn thousands_stand_apart() {
        assert_eq!(count(0_u32), "0");
        assert_eq!(count(999_u64), "999");
        assert_eq!(count(4812_u32), "4,812");
        assert_eq!(count(1_234_567_u64), "1,234,567");
        assert_eq!(counted(1, "request"), "1 request");
        assert_eq!(counted(2000, "request"), "2,000 requests");
    }
}
