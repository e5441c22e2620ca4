"""A mapping to start from: headers of a foreign export matched to the words of the contracts."""

from __future__ import annotations

import json
from collections.abc import Mapping

from planner.errors import UsageError
from planner.files import whole_file
from planner.importers.foreign import header_of
from planner.importers.inputs import Inputs
from planner.importers.mapped import mapping_path
from planner.importers.registry import Options
from planner.intake.dialects import plain
from planner.tables import TABLES

SUFFIXES = (".csv", ".txt", ".tsv", ".gz")
WORDS: Mapping[str, str] = {
    "sku": "item itemid itemno itemnumber itemcode article articleno product productid productcode material materialno "
    "materialnumber matnr part partno partnumber artikel artikelnr artikelnummer materialnummer stockcode",
    "warehouse": "store storeid shop site plant werk werks lager lagerort lgort branch filiale location wh depot dc",
    "location": "locationid site plant werk werks lager store storeid warehouse code supplierid vendor lieferant lifnr",
    "date": "day week postingdate salesdate invoicedate documentdate datum buchungsdatum belegdatum budat tag woche",
    "quantity": "qty units unitssold sold sales menge absatz stück orderqty openqty openquantity offenemenge",
    "on_hand": "onhandqty stock stockqty inventory qtyonhand unrestricted bestand lagerbestand freiverwendbar labst",
    "unit_price": "price salesprice netprice preis nettopreis verkaufspreis vk vkpreis",
    "unit_cost": "cost standardcost purchaseprice netcost einkaufspreis ek ekpreis einstandspreis stprs",
    "description": "itemname itemdescription productname articlename bezeichnung artikelbezeichnung maktx materialtext",
    "category": "group productgroup itemgroup family materialgroup warengruppe matkl kategorie",
    "brand": "marke",
    "unit": "uom baseunit mengeneinheit me meins einheit",
    "source": "supplier supplierid vendor vendorid lieferant lieferantennr lifnr from von",
    "destination": "to ziel receivingplant warehouse store site plant werk werks lager",
    "lead_days": "leadtime leadtimedays deliverydays lieferzeit wiederbeschaffungszeit wbz plifz",
    "moq": "minorder minorderqty minimumorderquantity mindestmenge mindestbestellmenge bstmi",
    "order_multiple": "packsize roundingvalue lotsize verpackungseinheit rundungswert bstrf",
    "currency": "curr waers währung waehrung",
    "order_id": "orderno ordernumber po ponumber purchaseorder bestellung bestellnr bestellnummer ebeln document",
    "due_date": "deliverydate duedate eta expecteddate liefertermin lieferdatum eindt",
    "kind": "type art",
    "name": "name1 bezeichnung",
    "country": "land land1 countrycode",
    "channel": "saleschannel vertriebsweg vtweg",
    "customer": "customerid customerno kunde kundennr kunnr",
    "expiry_date": "bestbefore mhd expiry vfdat",
    "lot": "batch charge charg",
    "safety_stock": "sicherheitsbestand eisbe",
    "review_days": "reviewperiod",
    "weight_kg": "weight grossweight gewicht brgew",
    "volume_m3": "volume volumen volum",
}
FILES: Mapping[str, str] = {
    "sales": "sales sold consumption demand absatz umsatz verkauf vbrp",
    "items": "items item articles products material artikel mara master stamm",
    "locations": "locations stores sites plants werke lager filialen",
    "stock": "stock inventory onhand bestand mard",
    "pipeline": "pipeline openorders purchaseorders bestellung bestellungen ekpo",
    "sourcing": "sourcing supply inforecord einkauf eina lieferant",
    "stocking": "stocking marc disposition",
}


def write_mapping(inputs: Inputs, options: Options) -> tuple[str, ...]:
    """Write a mapping for every table file of the folder; returns what was recognised.

    Raises UsageError where there is a mapping already, or no file to map.
    """
    target = mapping_path(inputs, options)
    if target.exists():
        raise UsageError(f"{target} exists already", "edit it, or name another file with --mapping FILE")
    files = sorted(path for path in inputs.folder.iterdir() if path.is_file() and path.suffix.lower() in SUFFIXES)
    if not files:
        raise UsageError(f"{inputs.folder} holds no CSV file", "name the folder that holds your export")
    words = [word for table in TABLES.values() for word in table.names] + [
        w for text in WORDS.values() for w in text.split()
    ]
    blocks, notes = [], []
    for path in files:
        header = header_of(path, words)
        table = best_table(path.stem, header)
        blocks.append(_block(path.name, header, table))
        notes.append(f"{path.name}: {f'taken for {table}' if table else 'no table recognised'}")
    with whole_file(target) as draft:
        draft.write_text("\n\n".join([_head(), *blocks]) + "\n", encoding="utf-8", newline="\n")
    return (f"{target} is written: read it through, then import without --write-mapping", *notes)


def match(header: tuple[str, ...], table: str) -> dict[str, str]:
    """Our words -> their headers, each header used once; equal words go before similar ones."""
    found: dict[str, str] = {}
    for alike in (False, True):
        for word in TABLES[table].names:
            names = {plain(name) for name in WORDS.get(word, "").split()} if alike else {plain(word)}
            free = (name for name in header if plain(name) in names and name not in found.values())
            chosen = next(free, None)
            if chosen and word not in found:
                found[word] = chosen
    order = TABLES[table].names
    return dict(sorted(found.items(), key=lambda pair: order.index(pair[0])))


def best_table(stem: str, header: tuple[str, ...]) -> str:
    """The table that the file most likely is: most words matched, none that is required missing; "" for none."""

    def score(table: str) -> float:
        found = match(header, table)
        lacking = sum(word not in found for word in TABLES[table].required)
        hints = {table, *FILES.get(table, "").split()}
        named = any(hint in plain(stem) for hint in hints)
        return len(found) - 2.0 * lacking + 2.5 * named

    best = max(FILES, key=score)
    return best if header and score(best) > 0 else ""


def _head() -> str:
    return (
        "# Which of your files is which table, and which of your columns is which word.\n"
        "# `planner schema TABLE` says what each word means. A line that begins with # counts for nothing.\n"
        "# A table may also have, beside `file`:\n"
        '#   constants = { warehouse = "LEJ" }            one value for every row\n'
        '#   keep = { Type = ["601"] }                    only rows with these values; drop = ... leaves them out\n'
        '#   values = { warehouse = { "1000" = "LEJ" } }  their codes -> yours\n'
        "#   scale = { quantity = 12 }                    their unit -> yours, such as cases of 12\n"
        '#   date_format = "%d.%m.%Y" and decimal = ","   where they are not recognised\n\n'
        '[workspace]\ntitle = "Imported"\nbucket = "week"\ncurrency = "EUR"'
    )


def _block(file: str, header: tuple[str, ...], table: str) -> str:
    if not table:
        return f"# {file}: no table recognised; its columns: {', '.join(header) or 'none that can be read'}"
    found = match(header, table)
    lines = [f"[tables.{table}]", f"file = {_quoted(file)}", "", f"[tables.{table}.columns]"]
    lines += [f"{word} = {_quoted(name)}" for word, name in found.items()]
    lines += [f'# {word} = ""   # needed' for word in TABLES[table].required if word not in found]
    unused = [name for name in header if name and name not in found.values()]
    return "\n".join(lines + ([f"# not mapped: {', '.join(unused)}"] if unused else []))


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
