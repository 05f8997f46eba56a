//! Values of the store: any bytes are a value or an error, and what was read is written as it is read again.

use abusebox::incident::batch::shown_cells;
use abusebox::store::VALUES;

pub(super) fn check(bytes: &[u8]) {
    for (name, again) in VALUES {
        if let Ok(written) = again(bytes) {
            // So a value is never larger than what it was read from, but where that was of an earlier version.
            let is_earlier = written.first() != bytes.first();
            assert!(
                is_earlier || written.len() <= bytes.len(),
                "{name}: {} of {} bytes",
                written.len(),
                bytes.len()
            );
            assert_eq!(again(&written).ok(), Some(written), "{name}");
        }
    }
    let shown: usize = shown_cells(bytes).map(|(_, cell)| 3 + cell.len()).sum();
    assert!(shown <= bytes.len() + 3);
}
