-- The indexes of Pursuit. They are made after the rows are in, which is several times faster for many rows.

-- A territory is a state, often narrowed to one type of place.
CREATE INDEX places_state_type ON places (state_abbr, type);

-- A place's page lists its contacts; the foreign key is checked through it when a place is deleted.
CREATE INDEX contacts_place ON contacts (place_id);

-- Imports match people by e-mail address, whatever its case. Not unique: offices share mailboxes.
CREATE INDEX contacts_email ON contacts (lower(email));

-- An account owner opens "my contacts"; most contacts have no owner, so those stay out of the index.
CREATE INDEX contacts_owner ON contacts (account_owner) WHERE account_owner IS NOT NULL;

-- The primary keys answer "what may this customer see"; these two answer "who may see this contact / this place".
CREATE INDEX customer_contact_relation_contact ON customer_contact_relation (contact_id);
CREATE INDEX customer_place_relation_place ON customer_place_relation (place_id);

-- From a customer to its records in the CRMs.
CREATE INDEX customer_mapping_customer ON customer_mapping (customer_id);

-- The sync job takes the records that have waited longest, the never synced ones first.
CREATE INDEX customer_mapping_due ON customer_mapping (last_synced_time NULLS FIRST) WHERE sync_enabled;

-- A place's page lists its technology.
CREATE INDEX tech_stack_place ON tech_stack (place_id);

-- "Which places run this product" is the question that a seller asks first.
CREATE INDEX tech_stack_product ON tech_stack (vendor, product);
