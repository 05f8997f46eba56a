//! Lines as programs write them: quotes stand around whole cells, and there are none within.
//!
//! Nearly all lines of a report are like that, and of those it is known where the cells lie without a look at each
//! byte: 64 bytes are compared at once, and a bit of a number stands for each of them. What is written otherwise
//! (a doubled quote, text around quotes, a quoted line end) is left to the parser; where both read a line, they
//! read the same.

use std::ops::Range;

use super::CELLS_MAX;

/// Finds the cells of a line, which comes without its line end, and says whether it could; if not, `cells` is left with
/// whatever it found. Of the carriage returns at the end the last is no text.
///
/// `separator`: neither a quote nor a carriage return.
pub(super) fn divide(line: &[u8], separator: u8, cells: &mut Vec<Range<u32>>) -> bool {
    cells.clear();
    let text = line.strip_suffix(b"\r").unwrap_or(line);
    let (blocks, rest) = text.as_chunks();
    // The end of the last cell looks like any other.
    let mut last = [!separator; BLOCK];
    last[..rest.len()].copy_from_slice(rest);
    last[rest.len()] = separator;

    let mut from = 0;
    // Carried from block to block, each as the lowest bit: a cell begins here, a quote was closed just before; and as all
    // bits: a quote is open.
    let (mut begins, mut closed, mut open) = (1, 0, 0);
    for (index, block) in blocks.iter().chain([&last]).enumerate() {
        let quotes = places(block, b'"');
        // From the opening quote to the byte before the closing one.
        let quoted = odd_so_far(quotes) ^ open;
        let mut ends = places(block, separator) & !quoted;
        let opening = quotes & quoted;
        let closing = quotes & !quoted;
        if opening & !(ends << 1 | begins) != 0 || (closing << 1 | closed) & !ends != 0 {
            return false;
        }
        (begins, closed) = (ends >> 63, closing >> 63);
        open = if quoted >> 63 == 1 { u64::MAX } else { 0 };
        let start = (index * BLOCK) as u32;
        cells.extend((0..ends.count_ones()).map(|_| {
            let end = start + ends.trailing_zeros();
            ends &= ends - 1;
            let is_quoted = u32::from(text.get(from as usize) == Some(&b'"'));
            let cell = from + is_quoted..end - is_quoted;
            from = end + 1;
            cell
        }));
        // No more memory than for the parser, which says what is too much.
        if cells.len() > CELLS_MAX {
            return false;
        }
    }
    // Else the line ends within quotes.
    if from as usize != text.len() + 1 {
        return false;
    }
    if text.len() == line.len() {
        trim_carriage_return(text, cells);
    }
    true
}

/// Takes the carriage return of a CRLF line end off the last cell.
pub(super) fn trim_carriage_return(text: &[u8], cells: &mut [Range<u32>]) {
    if let Some(last) = cells.last_mut()
        && text[last.start as usize..last.end as usize].ends_with(b"\r")
    {
        last.end -= 1;
    }
}

/// Bit n: byte n of the block is this one.
fn places(block: &[u8; BLOCK], byte: u8) -> u64 {
    const ONES: u64 = u64::MAX / 0xff;
    const LOW: u64 = 0x7f * ONES;
    let (words, _) = block.as_chunks();
    words.iter().enumerate().fold(0, |places, (index, &word)| {
        let differs = u64::from_le_bytes(word) ^ (ONES * u64::from(byte));
        // The highest bit of each byte that does not differ, and of no other.
        let same = !(((differs & LOW) + LOW) | differs | LOW);
        // Brings those bits together in the highest byte, in their order.
        let eight = (same >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56;
        places | eight << (8 * index)
    })
}

/// Bit n: of the bits 0 to n an odd number is set.
fn odd_so_far(bits: u64) -> u64 {
    [1, 2, 4, 8, 16, 32].into_iter().fold(bits, |bits, by| bits ^ bits << by)
}

/// Bytes that are compared at once.
const BLOCK: usize = u64::BITS as usize;

#[cfg(test)]
mod tests {
    use super::*;

    /// The cells that the parser finds.
    fn parsed(line: &[u8], separator: u8) -> Vec<Vec<u8>> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .terminator(csv::Terminator::Any(b'\n'))
            .from_reader(line);
        let mut record = csv::ByteRecord::new();
        reader.read_byte_record(&mut record).unwrap();
        let mut cells: Vec<Vec<u8>> = record.iter().map(<[u8]>::to_vec).collect();
        if let Some(last) = cells.last_mut()
            && last.last() == Some(&b'\r')
        {
            last.pop();
        }
        cells
    }

    /// Whether the line could be divided; then as the parser does.
    fn agrees(line: &[u8], separator: u8) -> bool {
        let mut ranges = Vec::new();
        if !divide(line, separator, &mut ranges) {
            return false;
        }
        let cells: Vec<_> =
            ranges.iter().map(|cell| line[cell.start as usize..cell.end as usize].to_vec()).collect();
        assert_eq!(cells, parsed(line, separator), "{:?}", String::from_utf8_lossy(line));
        true
    }

    #[test]
    fn what_is_divided_has_the_cells_that_the_parser_finds() {
        // Whatever can be written with these, behind a cell that ends anywhere around the border of a block.
        let letters = *b"\",a\r";
        let (mut divided, mut left) = (0, 0);
        for (len, pads) in [(7, &[0][..]), (5, &[57, 58, 59, 60, 61, 62, 63, 64, 122, 127])] {
            for number in 0..4_usize.pow(len) {
                let mut line: Vec<u8> = (0..len).map(|at| letters[number / 4_usize.pow(at) % 4]).collect();
                for &pad in pads {
                    line.truncate(len as usize);
                    if pad > 0 {
                        // One that is quoted, too.
                        for first in [b'a', b'"'] {
                            let mut long = vec![b'a'; pad];
                            (long[0], long[pad - 1]) = (first, if first == b'"' { b'"' } else { b'a' });
                            long.push(b',');
                            long.extend_from_slice(&line);
                            *if agrees(&long, b',') { &mut divided } else { &mut left } += 1;
                        }
                    } else {
                        *if agrees(&line, b',') { &mut divided } else { &mut left } += 1;
                    }
                }
            }
        }
        assert!(divided > 5_000 && left > 5_000, "{divided} divided, {left} left");
    }

    #[test]
    fn lines_of_programs_are_divided_and_others_are_left() {
        for line in ["a,b", ",", "\"a\",,\"b,c\"", "\"\",\"\"", "\"a\"\r", "a;b,c", "\u{e9},\"\u{20ac}\""] {
            assert!(agrees(line.as_bytes(), b','), "{line}");
        }
        assert!(agrees(b"\"a;b\";c,d", b';') && agrees(b"a\t\"b\"", b'\t'));
        for line in ["\"a\"\"b\"", "a\"b", "\"a\"b", "\"a", "a, \"b\"", "\"a,b", "\"", "\"\"\""] {
            assert!(!agrees(line.as_bytes(), b','), "{line}");
        }
        let mut cells = Vec::new();
        assert!(!divide(&b",".repeat(10 * CELLS_MAX), b',', &mut cells) && cells.len() <= CELLS_MAX + BLOCK);
        // As long as lines get: cells of every length, quoted or not.
        let cells: Vec<_> = (0..200).map(|len| "a,".repeat(len / 2) + &"b".repeat(len % 2)).collect();
        let quoted = cells.iter().map(|cell| format!("\"{cell}\"")).collect::<Vec<_>>().join(",");
        assert!(agrees(quoted.as_bytes(), b','));
        assert!(agrees(cells.join(";").as_bytes(), b','));
    }
}
