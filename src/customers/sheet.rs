//! Workbooks of spreadsheets (.xlsx, .ods) -> rows of text, with limits against files that unpack to far more than they are.

use std::io::{self, BufRead, BufReader, Cursor, Read, copy, sink};

use calamine::{Data, ExcelDateTime, Ods, Reader, Xlsx};

/// A row that is not empty, with its number in the sheet, from 1.
pub(super) type Row = (u32, Vec<String>);

/// Whether the bytes are a workbook, or another file of an office program.
pub(super) fn is_workbook(bytes: &[u8]) -> bool {
    bytes.starts_with(ZIP) || bytes.starts_with(COMPOUND)
}

/// The rows of each sheet, or why there are none and what to do.
pub(super) fn sheets(bytes: &[u8]) -> Result<Vec<Vec<Row>>, &'static str> {
    if bytes.starts_with(COMPOUND) {
        let encrypted: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let is_encrypted = memchr::memmem::find(bytes, &encrypted).is_some();
        return Err(if is_encrypted { ENCRYPTED } else { OLD });
    }
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|_| DAMAGED)?;
    let mut left = UNPACKED_BYTES_MAX;
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).map_err(|_| DAMAGED)?;
        let is_sheet = part.name().is_ok_and(|name| name.starts_with("xl/worksheets/"));
        let mut part = BufReader::new(part.by_ref().take(left + 1));
        if is_sheet && lacks_results(&mut part).map_err(|_| DAMAGED)? {
            return Err(NO_RESULTS);
        }
        copy(&mut part, &mut sink()).map_err(|_| DAMAGED)?;
        left = part.into_inner().limit().saturating_sub(1);
        if left == 0 {
            return Err(LARGE);
        }
    }
    let names: Vec<String> = archive.file_names().flatten().map(Into::into).collect();
    let has = |end: &str| names.iter().any(|name| name.ends_with(end));
    if has("content.xml") && has("mimetype") {
        let mut content = Vec::new();
        let part = archive.by_name("content.xml").map_err(|_| DAMAGED)?;
        part.take(UNPACKED_BYTES_MAX).read_to_end(&mut content).map_err(|_| DAMAGED)?;
        if ods_cells(&content) > CELLS_MAX {
            return Err(LARGE);
        }
        drop(content);
        ods(bytes)
    } else if has("workbook.xml") {
        xlsx(bytes)
    } else if has("workbook.bin") {
        Err(OLD)
    } else {
        Err("this is a packed file and no workbook; send the .xlsx, .ods or .csv in it")
    }
}

/// Whether a sheet has a formula without its result, as programs write it that cannot calculate: the cell would be blank, and
/// an address in it would fall to a wider prefix. A result that is an empty text is one.
fn lacks_results(sheet: &mut impl BufRead) -> io::Result<bool> {
    let (mut tag, mut is_text, mut has_formula, mut has_value) = (Vec::new(), false, false, false);
    while sheet.read_until(b'>', &mut tag)? > 0 {
        let start = memchr::memchr(b'<', &tag).unwrap_or(tag.len());
        let (before, name) = tag.split_at(start);
        let is = |word: &[u8]| {
            name.strip_prefix(word).is_some_and(|rest| matches!(rest, [b' ' | b'>' | b'/', ..]))
        };
        if is(b"<c") {
            is_text = memchr::memmem::find(name, b" t=\"str\"").is_some();
            (has_formula, has_value) = (false, false);
        } else if is(b"<f") {
            has_formula = true;
        } else if is(b"</v") {
            has_value = !before.is_empty();
        } else if is(b"</c") && has_formula && !has_value && !is_text {
            return Ok(true);
        }
        tag.clear();
    }
    Ok(false)
}

/// Cell by cell: a sheet with one cell far below and one far to the right would be huge as a whole.
fn xlsx(bytes: &[u8]) -> Result<Vec<Vec<Row>>, &'static str> {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|_| DAMAGED)?;
    let mut room = Room::default();
    let mut sheets = Vec::new();
    for name in book.sheet_names().into_iter().take(SHEETS_MAX) {
        // A sheet of a diagram has no cells.
        let Ok(mut cells) = book.worksheet_cells_reader(&name) else { continue };
        let mut rows: Vec<Row> = Vec::new();
        while let Some(cell) = cells.next_cell().map_err(|_| DAMAGED)? {
            let ((row, column), text) = (cell.get_position(), text_of(&cell.get_value().clone().into()));
            if text.is_empty() || column >= COLUMNS_MAX {
                continue;
            }
            room.take(&text)?;
            let line = row + 1;
            if rows.last().is_some_and(|(last, _)| *last > line) {
                return Err(DAMAGED);
            }
            if rows.last().is_none_or(|(last, _)| *last != line) {
                rows.push((line, Vec::new()));
            }
            if let Some((_, cells)) = rows.last_mut() {
                let missing = (column as usize).checked_sub(cells.len()).ok_or(DAMAGED)?;
                room.blanks(missing)?;
                cells.extend(std::iter::repeat_n(String::new(), missing));
                cells.push(text);
            }
        }
        sheets.push(rows);
    }
    Ok(sheets)
}

fn ods(bytes: &[u8]) -> Result<Vec<Vec<Row>>, &'static str> {
    let mut book: Ods<_> = Ods::new(Cursor::new(bytes)).map_err(|error| match error {
        calamine::OdsError::Password => ENCRYPTED,
        _ => DAMAGED,
    })?;
    let mut room = Room::default();
    let mut sheets = Vec::new();
    for (_, range) in book.worksheets().into_iter().take(SHEETS_MAX) {
        let (top, left) = range.start().unwrap_or_default();
        let mut rows: Vec<Row> = Vec::new();
        for (line, cells) in (top + 1..).zip(range.rows()) {
            let blanks = std::iter::repeat_n(String::new(), left.min(COLUMNS_MAX) as usize);
            let mut cells: Vec<String> = blanks.chain(cells.iter().map(text_of)).collect();
            while cells.last().is_some_and(String::is_empty) {
                cells.pop();
            }
            cells.truncate(COLUMNS_MAX as usize);
            cells.iter().try_for_each(|cell| room.take(cell))?;
            if !cells.is_empty() {
                rows.push((line, cells));
            }
        }
        sheets.push(rows);
    }
    Ok(sheets)
}

/// As a person sees it: whole numbers without a point, days and times as in 2026-11-20 08:00:00, errors by their names.
fn text_of(value: &Data) -> String {
    match value {
        Data::Empty => String::new(),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text.trim().to_owned(),
        Data::Int(number) => number.to_string(),
        Data::Float(number) => number.to_string(),
        Data::Bool(is_so) => is_so.to_string(),
        Data::DateTime(moment) if moment.is_duration() => moment.as_f64().to_string(),
        Data::DateTime(moment) => moment_text(moment),
        Data::Error(error) => error.to_string(),
    }
}

fn moment_text(moment: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
    let date = format!("{year:04}-{month:02}-{day:02}");
    if (hour, minute, second) == (0, 0, 0) {
        date
    } else {
        format!("{date} {hour:02}:{minute:02}:{second:02}")
    }
}

/// What the cells of a workbook may take.
struct Room {
    cells: u64,
    bytes: u64,
}

impl Default for Room {
    fn default() -> Self {
        Self { cells: CELLS_MAX, bytes: TEXT_BYTES_MAX }
    }
}

impl Room {
    fn take(&mut self, text: &str) -> Result<(), &'static str> {
        self.bytes = self.bytes.checked_sub(text.len() as u64).ok_or(LARGE)?;
        self.blanks(1)
    }

    fn blanks(&mut self, count: usize) -> Result<(), &'static str> {
        self.cells = self.cells.checked_sub(count as u64).ok_or(LARGE)?;
        Ok(())
    }
}

/// How many cells a sheet of OpenDocument has once what is repeated in it is written out, empty ones behind the last of a
/// row and empty rows not counted: a few bytes may say a billion.
fn ods_cells(content: &[u8]) -> u64 {
    let (mut all, mut row, mut rows, mut blanks) = (0_u64, 0_u64, 1_u64, 0_u64);
    for start in memchr::memchr_iter(b'<', content) {
        let tag = &content[start..];
        let tag = &tag[..memchr::memchr(b'>', tag).map_or(tag.len(), |end| end + 1)];
        let is = |name: &str| tag[1..].starts_with(name.as_bytes());
        if is("table:table-row") {
            all = all.saturating_add(row.saturating_mul(rows));
            (row, blanks, rows) = (0, 0, repeated(tag, b"number-rows-repeated="));
        } else if is("table:table-cell") || is("table:covered-table-cell") {
            let cells = repeated(tag, b"number-columns-repeated=");
            if tag.ends_with(b"/>") && memchr::memmem::find(tag, b"office:").is_none() {
                blanks = blanks.saturating_add(cells);
            } else {
                row = row.saturating_add(blanks).saturating_add(cells);
                blanks = 0;
            }
        }
    }
    all.saturating_add(row.saturating_mul(rows))
}

/// The number of an attribute; far too many if it is none.
fn repeated(tag: &[u8], attribute: &[u8]) -> u64 {
    let Some(at) = memchr::memmem::find(tag, attribute) else { return 1 };
    let value = &tag[at + attribute.len()..];
    let digits = value.get(1..).unwrap_or_default();
    let digits = &digits[..digits.iter().take_while(|byte| byte.is_ascii_digit()).count()];
    std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or(u64::MAX)
}

const ZIP: &[u8] = b"PK\x03\x04";
/// What .xls and encrypted .xlsx begin with.
const COMPOUND: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// All parts of a workbook unpacked; the sheet of a hundred thousand customers is some fifty megabytes.
const UNPACKED_BYTES_MAX: u64 = 128 * 1024 * 1024;
/// Cells of a workbook: they are kept at some fifty bytes each, and a larger list comes as CSV, which is not kept.
const CELLS_MAX: u64 = 2_000_000;
/// Of all cells together: a text that stands once in a workbook may be named in every cell.
const TEXT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// No list of customers is wider.
const COLUMNS_MAX: u32 = 500;
/// Sheets looked at for the one with the customers.
const SHEETS_MAX: usize = 20;
const OLD: &str =
    "this is an old or binary Excel file (.xls, .xlsb); save it as .xlsx or as CSV and send that";
const ENCRYPTED: &str = "the workbook is encrypted; save it without a password and send that";
const DAMAGED: &str =
    "the workbook is damaged or of an unknown kind; open it, save it as .xlsx or as CSV, and send that";
const NO_RESULTS: &str = "the workbook has formulas without their results; open it in a spreadsheet program, save it, and send it again";
const LARGE: &str =
    "the workbook unpacks to more than can be read; save the sheet with the customers as CSV and send that";
