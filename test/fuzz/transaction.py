"""Transactions: changes put together, and how they are sent."""


class Transaction:
    def __init__(self, units, mode, session, verify="commit"):
        self.units = units          # (maker, feature, statements) each
        self.mode = mode            # auto, block, multi, do, nested, caught, two-phase
        self.session = session      # preloaded, plain (loaded by the first change), fresh
        self.verify = verify

    @property
    def statements(self):
        return [s for _, _, statements in self.units for s in statements]

    def makers(self):
        return "+".join(sorted({m for m, _, _ in self.units}))

    def messages(self):
        """What the client sends, without BEGIN and COMMIT."""
        statements = self.statements
        if self.mode == "multi":
            return ["; ".join(statements)]
        if self.mode == "do":
            return ["DO $do$ BEGIN\n%s\nEND $do$" % "\n".join("EXECUTE $x$%s$x$;" % s for s in statements)]
        if self.mode in ("nested", "caught"):
            return ["SELECT helper.%s(ARRAY[%s])" % (self.mode, ", ".join("$x$%s$x$" % s for s in statements))]
        return statements

    def __str__(self):
        return "%s, %s%s: %s" % (self.mode, self.session, ", verify = statement" if self.verify != "commit" else "", "; ".join(self.statements))


HELPERS = ["CREATE SCHEMA helper",
           """CREATE FUNCTION helper.nested(statements text[]) RETURNS void LANGUAGE plpgsql AS $h$
BEGIN
    IF cardinality(statements) > 0 THEN
        EXECUTE statements[1];
        PERFORM helper.nested(statements[2:]);
    END IF;
END $h$""",
           """CREATE FUNCTION helper.caught(statements text[]) RETURNS void LANGUAGE plpgsql AS $h$
DECLARE
    s text;
BEGIN
    FOREACH s IN ARRAY statements LOOP
        BEGIN
            EXECUTE s;
        EXCEPTION WHEN OTHERS THEN
            NULL;
        END;
        BEGIN
            EXECUTE 'CREATE TABLE public.undone (a int)';
            RAISE division_by_zero;
        EXCEPTION WHEN division_by_zero THEN
            NULL;
        END;
    END LOOP;
END $h$"""]


def compose(g):
    """A transaction of one to several changes."""
    rng = g.rng
    units = []
    for _ in range(rng.choices((1, 2, 3, 4), (10, 4, 2, 1))[0]):
        made = g.make("change")
        if made:
            units.append(made)
    if not units:
        return None
    count = sum(len(s) for _, _, s in units)
    text = " ".join(s for _, _, ss in units for s in ss)
    modes = [("block", 4), ("multi", 1), ("do", 1), ("nested", 1), ("caught", 1)]
    if count == 1:
        modes.append(("auto", 10))
    # What is prepared may not have used temporary tables, or changed them.
    if "TEMP" not in text and g.on("two-phase"):
        modes.append(("two-phase", 1))
    mode = rng.choices([m for m, _ in modes], [w for _, w in modes])[0]
    undone = None
    if mode in ("block", "two-phase") and rng.random() < 0.3 and g.on("savepoint"):
        undone = g.make("change")
        if undone and "TEMP" not in " ".join(undone[2]):
            units.insert(rng.randrange(len(units) + 1), ("rolled-back", "savepoint", ["SAVEPOINT a"] + undone[2] + ["ROLLBACK TO a"]))
    # The documented limit: changes of roles are not seen as the first of a session without the library.
    roles = any(m in ("membership", "role") for m, _, _ in units) or undone and undone[0] in ("membership", "role")
    session = rng.choice(("preloaded", "preloaded", "plain", "fresh"))
    if roles or not g.on("not-preloaded"):
        session = "preloaded"
    verify = "statement" if mode == "block" and rng.random() < 0.1 and g.on("verify-statement") else "commit"
    if verify == "statement" and not g.on("verify-statement-loading"):
        session = "preloaded"
    return Transaction(units, mode, session, verify)
