//! Blocks of named values in the form that GRUB reads and writes: 1024 bytes, a headline, lines of `key=value`, and
//! `#` up to the end. All that is remembered of the slots is kept so, on both boards: one form, readable in a dump.

/// The size of a block. What we write fills less than half, which is one sector of a disk, and a disk writes a sector
/// whole or not at all.
pub const BLOCK_BYTES: usize = 1024;

/// A block with these values, which are ours: without line ends, and short.
pub fn encode(values: &[(&str, String)]) -> Vec<u8> {
    let mut block = HEADLINE.as_bytes().to_vec();
    for (key, value) in values {
        block.extend_from_slice(format!("{key}={value}\n").as_bytes());
    }
    debug_assert!(block.len() <= BLOCK_BYTES / 2, "more than a sector");
    block.resize(BLOCK_BYTES, b'#');
    block
}

/// The values of these keys, if `bytes` is a whole block that has all of them. Further ones are from another version
/// and do no harm.
pub fn decode<'a, const N: usize>(bytes: &'a [u8], keys: [&str; N]) -> Option<[&'a str; N]> {
    let text = str::from_utf8(bytes).ok().filter(|text| text.len() == BLOCK_BYTES)?;
    let lines = text.strip_prefix(HEADLINE)?.trim_end_matches('#').strip_suffix('\n')?;
    let mut values = [None; N];
    for line in lines.split('\n') {
        let (key, value) = line.split_once('=')?;
        if let Some(at) = keys.iter().position(|wanted| *wanted == key) {
            values[at] = Some(value);
        }
    }
    values.iter().all(Option::is_some).then(|| values.map(Option::unwrap_or_default))
}

const HEADLINE: &str = "# GRUB Environment Block\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let block = encode(&[("sequence", "7".to_owned()), ("trial", String::new())]);
        assert_eq!(block.len(), BLOCK_BYTES);
        assert!(block.starts_with(b"# GRUB Environment Block\nsequence=7\ntrial=\n###"));
        assert_eq!(decode(&block, ["trial", "sequence"]), Some(["", "7"]));
        assert_eq!(decode(&block, ["sequence"]), Some(["7"]));
        assert_eq!(decode(&block, ["sequence", "committed"]), None);
    }

    #[test]
    fn damage_is_seen() {
        let good = encode(&[("sequence", "7".to_owned())]);
        let key = ["sequence"];
        let mut high = good.clone();
        high[30] = 0xFF;
        let mut cut = good.clone();
        cut[512..].fill(0);
        let mut no_line = good.clone();
        no_line[HEADLINE.len() + 8] = b'x';
        for bad in [&[][..], &[0; BLOCK_BYTES], &[b'#'; BLOCK_BYTES], &good[..512], &high, &cut, &no_line] {
            assert_eq!(decode(bad, key), None);
        }
        let longer = [&good[..], b"#"].concat();
        assert_eq!(decode(&longer, key), None);
    }
}
