"""Makes the workbooks of this folder, with nothing but Python's own library: python3 workbooks.py"""

import struct
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

FOLDER = Path(__file__).parent


def packed(name, parts):
    with zipfile.ZipFile(FOLDER / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in parts.items():
            entry = zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)


def column(number):
    return chr(ord("A") + number)


def xlsx(name, sheets):
    """A cell: a text, a number, ("date", days), ("error", name), ("formula", result), ("unknown", formula) or None; a row may be (number, cells)."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    parts, strings = {}, []
    for number, rows in enumerate(sheets, 1):
        lines, row = [], 0
        for cells in rows:
            row += 1
            if isinstance(cells, tuple):
                row, cells = cells
            line = []
            for index, cell in enumerate(cells):
                at = f'r="{column(index)}{row}"'
                if cell is None:
                    continue
                if isinstance(cell, str):
                    strings.append(cell)
                    line.append(f'<c {at} t="s"><v>{len(strings) - 1}</v></c>')
                elif isinstance(cell, tuple):
                    kind, value = cell
                    line.append({
                        "date": f'<c {at} s="1"><v>{value}</v></c>',
                        "error": f'<c {at} t="e"><v>{value}</v></c>',
                        "formula": f'<c {at} t="str"><f>A1</f><v>{value}</v></c>',
                        "unknown": f"<c {at}><f>{value}</f><v></v></c>",
                    }[kind])
                else:
                    line.append(f"<c {at}><v>{cell}</v></c>")
            lines.append(f'<row r="{row}">{"".join(line)}</row>')
        parts[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{main}"><sheetData>{"".join(lines)}</sheetData></worksheet>'
        )
    names = "".join(
        f'<sheet name="Sheet{n}" sheetId="{n}" r:id="rId{n}"/>' for n in range(1, len(sheets) + 1)
    )
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{office}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    links += f'<Relationship Id="s1" Type="{office}/styles" Target="styles.xml"/>'
    links += f'<Relationship Id="s2" Type="{office}/sharedStrings" Target="sharedStrings.xml"/>'
    sheet_types = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    parts |= {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/xl/workbook.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
        f"{sheet_types}</Types>",
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships">'
        f'<Relationship Id="rId1" Type="{office}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets>{names}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">{links}</Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{main}"><cellXfs count="2"><xf numFmtId="0"/>'
        '<xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>',
        "xl/sharedStrings.xml": f'<sst xmlns="{main}">'
        + "".join(f"<si><t>{escape(text)}</t></si>" for text in strings)
        + "</sst>",
    }
    packed(name, parts)


def ods(name, sheets, encrypted=False):
    """A cell: a text, a number, ("date", day), None, or (count, cell) for one that is repeated."""
    def cell(value, repeated=""):
        if isinstance(value, tuple) and isinstance(value[0], int):
            return cell(value[1], f' table:number-columns-repeated="{value[0]}"')
        if value is None:
            return f"<table:table-cell{repeated}/>"
        if isinstance(value, tuple):
            return (
                f'<table:table-cell{repeated} office:value-type="date" office:date-value="{value[1]}">'
                f"<text:p>{value[1]}</text:p></table:table-cell>"
            )
        if isinstance(value, str):
            return (
                f'<table:table-cell{repeated} office:value-type="string">'
                f"<text:p>{escape(value)}</text:p></table:table-cell>"
            )
        return (
            f'<table:table-cell{repeated} office:value-type="float" office:value="{value}">'
            f"<text:p>{value}</text:p></table:table-cell>"
        )

    tables = "".join(
        f'<table:table table:name="Sheet{n}">'
        + "".join(
            f'<table:table-row{row[0] if isinstance(row, tuple) else ""}>'
            + "".join(cell(value) for value in (row[1] if isinstance(row, tuple) else row))
            + "</table:table-row>"
            for row in rows
        )
        + "</table:table>"
        for n, rows in enumerate(sheets, 1)
    )
    space = "urn:oasis:names:tc:opendocument:xmlns"
    key = "<manifest:encryption-data/>" if encrypted else ""
    packed(name, {
        "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
        "META-INF/manifest.xml": f'<manifest:manifest xmlns:manifest="{space}:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml">{key}'
        "</manifest:file-entry></manifest:manifest>",
        "content.xml": f'<office:document-content xmlns:office="{space}:office:1.0" '
        f'xmlns:table="{space}:table:1.0" xmlns:text="{space}:text:1.0">'
        f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body></office:document-content>",
    })


HEADER = ["Customer No", "Name", "Email", "IP address", "Valid to", "Status"]

xlsx("workbook-excel.xlsx", [[
    HEADER,
    [4711, "Shop", "a@shop.example", "192.0.2.0/28", ("date", 46356), ("formula", "active")],
    ["A-2", "Bar", "b@bar.example", "192.0.2.16\n192.0.2.17", ("date", 46356.5), "cancelled"],
    (7, [4713, "Third", "c@third.example", "192.0.2.32", None, None]),
]])
xlsx("workbook-damage.xlsx", [[
    HEADER,
    [1, "Shop", "a@shop.example", 192.02, None, None],
    [2, "Bar", "b@bar.example", 192000000000, None, None],
    [3, "Third", "c@third.example", ("error", "#REF!"), None, None],
    [4, "Fourth", "d@fourth.example", ("date", 37653), None, None],
    [("error", "#N/A"), "Fifth", "e@fifth.example", "192.0.2.5", None, None],
]])
xlsx("workbook-second-sheet.xlsx", [
    [["Notes"], ["The customers are on the next sheet"]],
    [["Our customers"], HEADER, [1, "Shop", "a@shop.example", "192.0.2.1", None, None]],
])
xlsx("workbook-two-lists.xlsx", [
    [HEADER, [1, "Shop", "a@shop.example", "192.0.2.0/24", None, None]],
    [HEADER, [2, "Bar", "b@bar.example", "192.0.2.16/28", None, None]],
])
xlsx("workbook-last-column-empty.xlsx", [[
    ["Customer No", "Email", "IP address"],
    [1, "a@shop.example", "192.0.2.1"],
    [2, "b@bar.example", None],
]])
xlsx("workbook-without-results.xlsx", [[
    HEADER,
    [1, "Shop", "a@shop.example", "192.0.2.0/24", None, None],
    [2, "Bar", "b@bar.example", ("unknown", 'A1&"/28"'), None, None],
]])
xlsx("workbook-far-cell.xlsx", [[HEADER, [1, "Shop", "a@shop.example", "192.0.2.1"], (1048576, ["far", "below"])]])
xlsx("workbook-empty.xlsx", [[]])
ods("workbook-open-document.ods", [[
    HEADER + [(1000, None)],
    [4711, "Shop", "a@shop.example", "192.0.2.0/28", ("date", "2026-11-30"), "active"],
    [4712, "Bar", "b@bar.example", "192.0.2.16", ("date", "2026-11-30T12:00:00"), "cancelled"],
    (' table:number-rows-repeated="1048000"', [(1024, None)]),
]])
ods("workbook-billion-cells.ods", [[HEADER] + [[(16384, 1)]] * 200])
ods("workbook-with-password.ods", [[HEADER]], encrypted=True)
packed("workbook-of-something-else.xlsx", {"word/document.xml": "<w/>"})
packed("workbook-too-large.xlsx", {"xl/workbook.xml": "<w/>", "xl/worksheets/sheet1.xml": " " * (129 * 1024 * 1024)})
(FOLDER / "workbook-cut.xlsx").write_bytes((FOLDER / "workbook-excel.xlsx").read_bytes()[:500])
MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
(FOLDER / "workbook-old.xls").write_bytes(MAGIC + struct.pack("<504x"))
(FOLDER / "workbook-encrypted.xlsx").write_bytes(MAGIC + struct.pack("<504x") + "EncryptedPackage".encode("utf-16-le"))
