//! Aligned columns.

use comfy_table::{Table, presets};

/// Rows under headings, apart by two spaces.
pub(crate) fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(headings.to_vec())
        .add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_lines_end_where_their_text_ends() {
        let text = table(
            &["NAME", "CPU"],
            [
                vec!["web".to_owned(), "1.5".to_owned()],
                vec!["datenträger".to_owned(), String::new()],
            ],
        );
        assert_eq!(text, "NAME         CPU\nweb          1.5\ndatenträger");
    }
}
