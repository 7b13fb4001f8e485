"""The ledger is the database's to keep: balanced, append-only, summed.

Lines are written by one statement with all lines of their entries (one INSERT, or one COPY of many entries), and
checked and summed at its end. An entry is looked at once more when its transaction ends, so that none stays
without lines. What a line or an entry says stands for ever; a mistake is reversed by another entry.

`enable_seqscan = off`: see `applications/migrations/0006_search_document.py`.
"""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION servicing_ledger_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the ledger is append-only: % of % refused', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'ledger_append_only';
END $$;

CREATE FUNCTION servicing_lines_balance() RETURNS trigger LANGUAGE plpgsql
  SET enable_seqscan = off AS $$
DECLARE
  unbalanced bigint;
BEGIN
  SELECT entry.id INTO unbalanced
    FROM servicing_journalline line JOIN servicing_journalentry entry ON entry.id = line.entry_id
    WHERE line.entry_id IN (SELECT entry_id FROM new_rows)
    GROUP BY entry.id
    HAVING sum(line.amount) <> 0 OR sum(line.amount) FILTER (WHERE line.amount > 0) <> entry.amount LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'journal entry % does not balance', unbalanced
      USING ERRCODE = 'check_violation', CONSTRAINT = 'journal_entry_balances';
  END IF;
  INSERT INTO servicing_accountbalance AS kept (application_id, account, balance)
    SELECT entry.application_id, line.account, sum(line.amount)
      FROM new_rows line JOIN servicing_journalentry entry ON entry.id = line.entry_id
      GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (application_id, account) DO UPDATE SET balance = kept.balance + EXCLUDED.balance;
  RETURN NULL;
END $$;

CREATE FUNCTION servicing_entry_has_lines() RETURNS trigger LANGUAGE plpgsql
  SET enable_seqscan = off AS $$
DECLARE
  total numeric;
  debits numeric;
BEGIN
  SELECT sum(amount), sum(amount) FILTER (WHERE amount > 0) INTO total, debits
    FROM servicing_journalline WHERE entry_id = NEW.id;
  IF total IS DISTINCT FROM 0 OR debits IS DISTINCT FROM NEW.amount THEN
    RAISE EXCEPTION 'journal entry % of % has debits of % and a sum of %', NEW.id, NEW.amount, debits, total
      USING ERRCODE = 'check_violation', CONSTRAINT = 'journal_entry_balances';
  END IF;
  RETURN NULL;
END $$;
"""

TRIGGERS = """
CREATE TRIGGER servicing_append_only BEFORE UPDATE OR DELETE ON servicing_journalentry
  FOR EACH ROW EXECUTE FUNCTION servicing_ledger_is_append_only();
CREATE TRIGGER servicing_append_only BEFORE UPDATE OR DELETE ON servicing_journalline
  FOR EACH ROW EXECUTE FUNCTION servicing_ledger_is_append_only();
CREATE TRIGGER servicing_no_truncate BEFORE TRUNCATE ON servicing_journalentry
  FOR EACH STATEMENT EXECUTE FUNCTION servicing_ledger_is_append_only();
CREATE TRIGGER servicing_no_truncate BEFORE TRUNCATE ON servicing_journalline
  FOR EACH STATEMENT EXECUTE FUNCTION servicing_ledger_is_append_only();

CREATE TRIGGER servicing_lines_balance AFTER INSERT ON servicing_journalline
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION servicing_lines_balance();

CREATE CONSTRAINT TRIGGER servicing_entry_has_lines AFTER INSERT ON servicing_journalentry
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION servicing_entry_has_lines();
"""

DROP = """
DROP TRIGGER servicing_entry_has_lines ON servicing_journalentry;
DROP TRIGGER servicing_lines_balance ON servicing_journalline;
DROP TRIGGER servicing_no_truncate ON servicing_journalline;
DROP TRIGGER servicing_no_truncate ON servicing_journalentry;
DROP TRIGGER servicing_append_only ON servicing_journalline;
DROP TRIGGER servicing_append_only ON servicing_journalentry;
DROP FUNCTION servicing_entry_has_lines, servicing_lines_balance, servicing_ledger_is_append_only;
"""


class Migration(migrations.Migration):
    dependencies = [("servicing", "0001_initial")]

    operations = [migrations.RunSQL(FUNCTIONS + TRIGGERS, DROP)]
