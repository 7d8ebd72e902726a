"""Writes cron.txt: random expressions with their next times, by croniter and, on the days when clocks are set, by looking at every minute.

    pip install croniter==7.0.0 tzdata && python3 Tests/Jobs/Corpus/make.py

Lines: zone, the time after which to look (seconds since 1970), the expression, the next times; apart by tabs. The zones' files are copied from
the same tzdata into zoneinfo/, so that the test asks the same data.
"""
import calendar
import importlib.resources
import pathlib
import random
import zoneinfo
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from croniter import croniter

FOLDER = pathlib.Path(__file__).parent
UTC = timezone.utc
# Not the machine's own, which may be of another year.
zoneinfo.reset_tzpath(to=[])
SEED = 20261128
ZONES = [
    "Africa/Casablanca", "America/Havana", "America/New_York", "America/Nuuk", "America/Santiago", "America/Sao_Paulo",
    "America/St_Johns", "Antarctica/Troll", "Asia/Beirut", "Asia/Gaza", "Asia/Kathmandu", "Asia/Tehran", "Atlantic/Azores",
    "Australia/Lord_Howe", "Australia/Sydney", "Europe/Berlin", "Europe/Dublin", "Europe/London", "Pacific/Apia",
    "Pacific/Auckland", "Pacific/Chatham",
]
MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
DAYS = "SUN MON TUE WED THU FRI SAT".split()


def part(rng, low, high, names=None, star=True):
    def one(value):
        if names and rng.random() < 0.4:
            return names[(value - low) % len(names)].lower() if rng.random() < 0.5 else names[(value - low) % len(names)]
        return str(value)

    def piece():
        kind = rng.random()
        # croniter takes a range of one as the whole circle: 5-5 is not asked.
        a, b = sorted(rng.sample(range(low, high + 1), 2))
        if kind < 0.55:
            return one(a)
        if kind < 0.75:
            return f"{one(a)}-{one(b)}"
        if kind < 0.85:
            return f"{a}-{b}/{rng.randint(1, max(1, high // 3))}"
        return f"{'*' if star else a}/{rng.randint(1, max(1, high // 2))}"

    if star and rng.random() < 0.35:
        return "*"
    return ",".join(piece() for _ in range(rng.choice([1, 1, 1, 2, 3])))


def expression(rng):
    minute, hour, month = part(rng, 0, 59), part(rng, 0, 23), part(rng, 1, 12, MONTHS)
    day, weekday = part(rng, 1, 31), part(rng, 0, 6, DAYS)
    kind = rng.random()
    if kind < 0.06:
        day, weekday = rng.choice(["L", "1,L", "L,15", f"{rng.randint(1, 28)}W"]), "*"
    elif kind < 0.10:
        day, weekday = "?", rng.choice(["*", "1-5", "0", "7", "6,7"])
    elif kind < 0.16:
        day, weekday = "*", f"{rng.choice(DAYS + list('0123456'))}#{rng.randint(1, 5)}"
    elif kind < 0.22:
        # Written the other way round for croniter, see `theirs`.
        day, weekday = "*", f"{rng.randint(0, 6)}L"
    elif kind < 0.60:
        day, weekday = rng.choice([("*", weekday), (day, "*"), ("*", "*")])
    fields = [minute, hour, day, month, weekday]
    if rng.random() < 0.15:
        fields.insert(0, part(rng, 0, 59))
    return " ".join(fields)


def theirs(text):
    """The same as croniter has it: the seconds last, L5 for 5L."""
    fields = text.split()
    if fields[-1].endswith("L"):
        fields[-1] = "L" + fields[-1][:-1]
    if len(fields) == 6:
        fields = fields[1:] + fields[:1]
    return " ".join(fields)


def names_all(field, low, high, names):
    """Whether it names every day without beginning with a star: Vixie's cron looks at that beginning, croniter takes such a field for a star."""
    if field[0] in "*?L" or "#" in field or field.endswith("L") or (not names and "W" in field):
        return False
    for number, name in enumerate(names):
        field = field.upper().replace(name, str(number))
    return {value % 7 if names else value for value in values(field, low, high)} >= set(range(low, high + 1 - bool(names)))


def by_croniter(rng, count):
    made = 0
    while made < count:
        text = expression(rng)
        *_, day, _, weekday = text.split()
        if names_all(day, 1, 31, ()) or names_all(weekday, 0, 7, DAYS):
            continue
        start = rng.randint(0, 4_000_000_000)
        try:
            times = croniter(theirs(text), start, implement_cron_bug=True, max_years_between_matches=100)
            found = [int(times.get_next(float)) for _ in range(4)]
        except Exception:
            continue  # croniter knows no such time, or not this form
        yield "UTC", start, text, found
        made += 1


def transitions(zone, first, last):
    """Hours in which the offset changes."""
    time, before = first, zone.utcoffset(first)
    while time < last:
        time += timedelta(hours=1)
        now = time.astimezone(zone).utcoffset()
        if before is not None and now != before:
            yield time
        before = now


def values(field, low, high):
    found = set()
    for piece in field.split(","):
        bounds, _, step = piece.partition("/")
        if bounds == "*":
            found |= set(range(low, high + 1, int(step or 1)))
        else:
            a, dash, b = bounds.partition("-")
            end = int(b) if dash else (high if step else int(a))
            found |= set(range(int(a), end + 1, int(step or 1)))
    return found


def gap_end(zone, local):
    """The first moment after the gap that this local time lies in."""
    offset = local.replace(tzinfo=zone, fold=0).utcoffset()
    time = (local - offset).replace(tzinfo=UTC) - timedelta(days=1, hours=2)
    time = time.replace(second=0)
    before = time.astimezone(zone).replace(tzinfo=None)
    while True:
        time += timedelta(minutes=1)
        shown = time.astimezone(zone).replace(tzinfo=None)
        if before < local < shown:
            return time
        before = shown


def by_minutes(zone, minute_field, hour_field, start, hours):
    """Every minute of `hours` after `start`."""
    minutes, hour_values = values(minute_field, 0, 59), values(hour_field, 0, 23)
    end = start + timedelta(hours=hours)
    found = set()
    if "*" in minute_field + hour_field or "/" in minute_field + hour_field:
        time = start + timedelta(minutes=1)
        while time <= end:
            shown = time.astimezone(zone)
            if shown.minute in minutes and shown.hour in hour_values:
                found.add(time)
            time += timedelta(minutes=1)
        return sorted(found)
    local = (start.astimezone(zone).replace(tzinfo=None) - timedelta(days=2)).replace(hour=0, minute=0)
    last = end.astimezone(zone).replace(tzinfo=None) + timedelta(days=2)
    while local < last:
        if local.minute in minutes and local.hour in hour_values:
            time = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
            if time.astimezone(zone).replace(tzinfo=None) != local:
                time = gap_end(zone, local)
            if start < time <= end:
                found.add(time)
        local += timedelta(minutes=1)
    return sorted(found)


def on_clock_changes(rng):
    for name in ZONES:
        zone = ZoneInfo(name)
        changes = list(transitions(zone, datetime(2009, 1, 1, tzinfo=UTC), datetime(2012, 6, 1, tzinfo=UTC)))[-5:]
        changes += list(transitions(zone, datetime(2025, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)))
        # Far off, where only the rule at the file's end is left.
        changes += list(transitions(zone, datetime(2051, 1, 1, tzinfo=UTC), datetime(2052, 1, 1, tzinfo=UTC)))
        for change in changes:
            shown = change.astimezone(zone)
            for _ in range(6):
                hour = (shown.hour + rng.randint(-2, 1)) % 24
                minute = rng.choice(["0", "30", "15,45", "*/20", "*", "10-12", "59"])
                hours = rng.choice([str(hour), str(hour), f"{hour},{(hour + 2) % 24}", "*", "*/2"])
                start = change - timedelta(hours=rng.randint(1, 26), minutes=rng.randint(0, 59))
                found = by_minutes(zone, minute, hours, start, 54)[:200]
                yield name, calendar.timegm(start.timetuple()), f"{minute} {hours} * * *", [
                    calendar.timegm(time.timetuple()) for time in found
                ]


def main():
    rng = random.Random(SEED)
    lines = [*by_croniter(rng, 4_000), *on_clock_changes(rng)]
    with open(FOLDER / "cron.txt", "w") as file:
        for zone, start, text, found in lines:
            # Runs of times are written as differences.
            steps = [str(b - a) for a, b in zip([start] + found, found)]
            file.write("\t".join([zone, str(start), text, " ".join(steps)]) + "\n")
    for name in ZONES:
        source = importlib.resources.files("tzdata.zoneinfo").joinpath(*name.split("/"))
        (FOLDER / "zoneinfo" / name.replace("/", ".")).write_bytes(source.read_bytes())


if __name__ == "__main__":
    main()
