"""What applications are found by, kept by triggers.

Why triggers: docs/adr/0013-search-document.md. How two writers at once do not miss each other: whoever puts
a person on an application first shares the person's row, so that a change of name is either seen or waited
for; whoever refreshes documents locks them first, in order, and reads the names afterwards.

`enable_seqscan = off`: a session keeps the plans of functions. One that was made while a table was empty would
read all of it for each row of a book that is loaded in the same transaction.
"""

import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

FUNCTIONS = r"""
CREATE FUNCTION application_search_text(wanted bigint) RETURNS text LANGUAGE sql STABLE SET enable_seqscan = off AS $$
  SELECT upper(' ' || concat_ws(E'\n ',
    application.reference_number,
    nullif(application.purpose, ''),
    (
      SELECT concat_ws(E'\n ', first_name || ' ' || last_name, nullif(company_name, ''), nullif(email, ''))
      FROM brokers_broker WHERE id = application.broker_id
    ),
    (
      SELECT string_agg(
        concat_ws(
          E'\n ', nullif(btrim(first_name || ' ' || last_name), ''), nullif(company_name, ''), nullif(email, '')
        ),
        E'\n ' ORDER BY borrower.id
      )
      FROM applications_applicationborrower link JOIN borrowers_borrower borrower ON borrower.id = link.borrower_id
      WHERE link.application_id = application.id
    )
  ))
  FROM applications_application application WHERE application.id = wanted
$$;

CREATE FUNCTION application_search_refresh(changed bigint[]) RETURNS void LANGUAGE plpgsql
  SET enable_seqscan = off AS $$
BEGIN
  PERFORM 1 FROM applications_searchdocument
    WHERE application_id = ANY (changed) ORDER BY application_id FOR NO KEY UPDATE;
  -- A statement of its own: it sees what was committed while the one before waited.
  UPDATE applications_searchdocument document SET text = fresh.text
    FROM (SELECT id, application_search_text(id) AS text FROM unnest(changed) id) fresh
    WHERE document.application_id = fresh.id AND document.text <> fresh.text;
END $$;

CREATE FUNCTION application_search_opened() RETURNS trigger LANGUAGE plpgsql
  SET enable_seqscan = off AS $$
BEGIN
  PERFORM 1 FROM brokers_broker WHERE id IN (SELECT broker_id FROM new_rows) ORDER BY id FOR SHARE;
  INSERT INTO applications_searchdocument (application_id, text)
    SELECT id, application_search_text(id) FROM new_rows;
  RETURN NULL;
END $$;

CREATE FUNCTION application_search_edited() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.broker_id IS DISTINCT FROM OLD.broker_id THEN
    PERFORM 1 FROM brokers_broker WHERE id = NEW.broker_id FOR SHARE;
  END IF;
  PERFORM application_search_refresh(ARRAY[NEW.id]);
  RETURN NULL;
END $$;

CREATE FUNCTION application_search_linked() RETURNS trigger LANGUAGE plpgsql
  SET enable_seqscan = off AS $$
BEGIN
  PERFORM 1 FROM borrowers_borrower WHERE id IN (SELECT borrower_id FROM new_rows) ORDER BY id FOR SHARE;
  PERFORM application_search_refresh(ARRAY(SELECT DISTINCT application_id FROM new_rows));
  RETURN NULL;
END $$;

CREATE FUNCTION application_search_relinked() RETURNS trigger LANGUAGE plpgsql
  SET enable_seqscan = off AS $$
BEGIN
  PERFORM 1 FROM borrowers_borrower WHERE id IN (SELECT borrower_id FROM new_rows) ORDER BY id FOR SHARE;
  PERFORM application_search_refresh(
    ARRAY(SELECT application_id FROM old_rows UNION SELECT application_id FROM new_rows)
  );
  RETURN NULL;
END $$;

CREATE FUNCTION application_search_unlinked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM application_search_refresh(ARRAY(SELECT DISTINCT application_id FROM old_rows));
  RETURN NULL;
END $$;

CREATE FUNCTION application_search_broker_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM application_search_refresh(
    ARRAY(SELECT id FROM applications_application WHERE broker_id = NEW.id)
  );
  RETURN NULL;
END $$;

CREATE FUNCTION application_search_borrower_renamed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM application_search_refresh(
    ARRAY(SELECT application_id FROM applications_applicationborrower WHERE borrower_id = NEW.id)
  );
  RETURN NULL;
END $$;
"""

TRIGGERS = """
CREATE TRIGGER application_search_opened AFTER INSERT ON applications_application
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION application_search_opened();

CREATE TRIGGER application_search_edited
  AFTER UPDATE OF reference_number, purpose, broker_id ON applications_application FOR EACH ROW
  WHEN ((OLD.reference_number, OLD.purpose, OLD.broker_id)
        IS DISTINCT FROM (NEW.reference_number, NEW.purpose, NEW.broker_id))
  EXECUTE FUNCTION application_search_edited();

CREATE TRIGGER application_search_linked AFTER INSERT ON applications_applicationborrower
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION application_search_linked();

CREATE TRIGGER application_search_relinked AFTER UPDATE ON applications_applicationborrower
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION application_search_relinked();

CREATE TRIGGER application_search_unlinked AFTER DELETE ON applications_applicationborrower
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION application_search_unlinked();

CREATE TRIGGER application_search_renamed
  AFTER UPDATE OF first_name, last_name, company_name, email ON brokers_broker FOR EACH ROW
  WHEN ((OLD.first_name, OLD.last_name, OLD.company_name, OLD.email)
        IS DISTINCT FROM (NEW.first_name, NEW.last_name, NEW.company_name, NEW.email))
  EXECUTE FUNCTION application_search_broker_renamed();

CREATE TRIGGER application_search_renamed
  AFTER UPDATE OF first_name, last_name, company_name, email ON borrowers_borrower FOR EACH ROW
  WHEN ((OLD.first_name, OLD.last_name, OLD.company_name, OLD.email)
        IS DISTINCT FROM (NEW.first_name, NEW.last_name, NEW.company_name, NEW.email))
  EXECUTE FUNCTION application_search_borrower_renamed();
"""

DROP = """
DROP TRIGGER application_search_renamed ON borrowers_borrower;
DROP TRIGGER application_search_renamed ON brokers_broker;
DROP TRIGGER application_search_unlinked ON applications_applicationborrower;
DROP TRIGGER application_search_relinked ON applications_applicationborrower;
DROP TRIGGER application_search_linked ON applications_applicationborrower;
DROP TRIGGER application_search_edited ON applications_application;
DROP TRIGGER application_search_opened ON applications_application;
DROP FUNCTION application_search_borrower_renamed, application_search_broker_renamed,
  application_search_unlinked, application_search_relinked, application_search_linked, application_search_edited,
  application_search_opened, application_search_refresh, application_search_text;
"""

# Before the index: filling it afterwards is ten times as fast. The triggers are there already, and hold
# writers off until the end of the migration.
FILL = """
INSERT INTO applications_searchdocument (application_id, text)
  SELECT id, application_search_text(id) FROM applications_application ORDER BY id;
"""

# With a sample of 100 a word that one row in it has by chance counts as one in every hundredth row of all,
# and the planner walks through the whole book for it.
SAMPLE = "ALTER TABLE applications_searchdocument ALTER COLUMN text SET STATISTICS 500"


class Migration(migrations.Migration):
    dependencies = [
        ("applications", "0005_product_index"),
        ("borrowers", "0001_initial"),
        ("brokers", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="SearchDocument",
            fields=[
                (
                    "application",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="search_document",
                        serialize=False,
                        to="applications.application",
                    ),
                ),
                ("text", models.TextField()),
            ],
        ),
        migrations.RunSQL(FUNCTIONS + TRIGGERS, DROP),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        migrations.RunSQL(SAMPLE, migrations.RunSQL.noop),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="searchdocument",
            index=django.contrib.postgres.indexes.GinIndex(
                fields=["text"], name="search_document_text", opclasses=["gin_trgm_ops"]
            ),
        ),
    ]
