import { randomFor, type Random } from '../random.ts';
import { pickWeighted } from '../weighted.ts';
import type { CopyRow } from './copy.ts';
import { asciiName, dateBefore, decimal, micros, millis, uuid } from './values.ts';
import * as vocabulary from './vocabulary.ts';
import type { PlaceType } from './vocabulary.ts';

/** The sizes that rows need of each other: a contact must know how many places there are. */
export interface Sizes {
  customer: number;
  places: number;
  contacts: number;
}

/** Each kind of row draws from its own numbers, so that a change to one table leaves the others as they were. */
const STREAM = {
  customer: 1,
  placeIdentity: 2,
  place: 3,
  contact: 4,
  contactGrants: 5,
  placeGrants: 6,
  mappings: 7,
  techStack: 8,
} as const;

export function sizesAt(scale: number): Sizes {
  const size = (full: number): number => Math.max(1, Math.round(full * scale));
  return { customer: size(2_000), places: size(150_000), contacts: size(4_500_000) };
}

export function customerRow(seed: number, id: number): CopyRow {
  const random = randomFor(seed, STREAM.customer, id);
  return {
    id,
    public_id: uuid(random),
    ...customerValues(random),
    created_at: millis(random, 6 * 365, 90),
    updated_at: millis(random, 90),
  };
}

/** A customer without its keys and its times, which Postgres gives to a new one. */
export function customerValues(random: Random): CopyRow {
  const plan = random.pick(vocabulary.PLANS);
  const seats = plan === 'enterprise' ? random.between(50, 2_000) : random.between(1, 60);
  const name = [vocabulary.CUSTOMER_FIRST, vocabulary.CUSTOMER_SECOND, vocabulary.CUSTOMER_FORMS];
  const settings = {
    digest: random.pick(['daily', 'weekly', 'never']),
    states: [pickWeighted(random, vocabulary.STATES).abbr, pickWeighted(random, vocabulary.STATES).abbr],
    exports: random.chance(0.6),
    seat_limit: seats,
  };
  return {
    name: name.map((words) => random.pick(words)).join(' '),
    plan,
    seats,
    contract_value: plan === 'trial' ? '0.00' : decimal(random, seats * 300, 2),
    is_active: random.chance(0.92),
    signed_on: dateBefore(random, 6 * 365),
    settings: JSON.stringify(settings),
    notes: customerNotes(random),
  };
}

/** One customer in four has long notes (2.5 to 6 kB), which Postgres stores outside the row. */
function customerNotes(random: Random): string | null {
  if (random.chance(0.2)) return null;
  const sentences = random.chance(0.3) ? random.between(45, 100) : random.between(1, 5);
  return Array.from({ length: sentences }, () => random.pick(vocabulary.NOTE_SENTENCES)).join(' ');
}

/** What others must know of a place: its contacts' addresses follow from it. */
export interface PlaceIdentity {
  town: string;
  type: PlaceType;
  state: vocabulary.State;
}

function placeIdentity(seed: number, id: number): PlaceIdentity {
  return newPlaceIdentity(randomFor(seed, STREAM.placeIdentity, id));
}

export function newPlaceIdentity(random: Random): PlaceIdentity {
  return {
    town: `${random.pick(vocabulary.TOWN_FIRST)} ${random.pick(vocabulary.TOWN_SECOND)}`,
    type: pickWeighted(random, vocabulary.PLACE_TYPES).type,
    state: pickWeighted(random, vocabulary.STATES),
  };
}

export function placeRow(seed: number, id: number): CopyRow {
  const random = randomFor(seed, STREAM.place, id);
  return {
    id,
    ...placeValues(random, placeIdentity(seed, id)),
    created_at: millis(random, 5 * 365, 120),
    updated_at: millis(random, 120),
  };
}

/** A place without its key and its times. */
export function placeValues(random: Random, identity: PlaceIdentity): CopyRow {
  const { town, type, state } = identity;
  const county = `${random.pick(vocabulary.COUNTIES)} County`;
  const hasPeople = type === 'city' || type === 'county' || type === 'school_district';
  // Most places are small and a few are large: the cube of an even choice bends the curve that way.
  const population = Math.round(80 + random.next() ** 3 * (type === 'county' ? 900_000 : 250_000));
  const names: Record<PlaceType, () => string> = {
    city: () => `City of ${town}`,
    county: () => county,
    school_district: () => `${town} ${random.pick(vocabulary.SCHOOL_KINDS)}`,
    special_district: () => `${town} ${random.pick(vocabulary.DISTRICT_KINDS)}`,
    state_agency: () => `${state.name} ${random.pick(vocabulary.AGENCY_KINDS)}`,
  };
  return {
    name: names[type](),
    type,
    state_abbr: state.abbr,
    county: type === 'state_agency' ? null : county,
    population: hasPeople ? population : null,
    annual_budget_cents: random.chance(0.1) ? null : population * random.between(90_000, 420_000),
    latitude: (state.latitude + random.next() * 2 - 1).toFixed(5),
    longitude: (state.longitude + random.next() * 2 - 1).toFixed(5),
    website: placeWebsite(identity),
  };
}

function placeWebsite({ town, type, state }: PlaceIdentity): string {
  const isSchoolOrDistrict = type === 'school_district' || type === 'special_district';
  const ending = isSchoolOrDistrict ? 'org' : 'gov';
  return `https://${asciiName(town)}-${state.abbr.toLowerCase()}.example.${ending}`;
}

export function contactRow(seed: number, id: number, sizes: Sizes): CopyRow {
  const random = randomFor(seed, STREAM.contact, id);
  const even = random.next();
  // The first places have three times as many contacts as the last ones; none is empty at a usual scale.
  const placeId = 1 + Math.floor(((even + even * even) / 2) * sizes.places);
  return {
    id,
    place_id: placeId,
    ...contactValues(random, placeWebsite(placeIdentity(seed, placeId))),
    created_at: millis(random, 3 * 365, 120),
    updated_at: millis(random, 120),
  };
}

/** A contact of the place with that website, without its key, its place and its times. */
export function contactValues(random: Random, website: string): CopyRow {
  const first = random.pick(vocabulary.FIRST_NAMES);
  const last = random.pick(vocabulary.LAST_NAMES);
  const department = random.pick(vocabulary.DEPARTMENTS);
  const title = random.pick(department.titles);
  return {
    name: `${first} ${last}`,
    email: `${asciiName(first)}.${asciiName(last)}@${website.replace('https://', '')}`,
    phone: random.chance(0.15) ? null : phoneNumber(random),
    title,
    department: department.name,
    account_owner: random.chance(0.3) ? random.pick(vocabulary.ACCOUNT_OWNERS) : null,
    is_decision_maker: title === department.titles[0],
    confidence: (0.4 + random.next() * 0.6).toFixed(3),
    verified_on: random.chance(0.35) ? null : dateBefore(random, 400),
  };
}

/** A number from the range that is kept free for examples: 555-0100 to 555-0199. */
export function phoneNumber(random: Random): string {
  return `(${random.between(201, 989)}) 555-01${String(random.below(100)).padStart(2, '0')}`;
}

/** The contacts that one customer may see: 10 to 50 (fewer when there are not so many). */
export function contactGrantRows(seed: number, customerId: number, sizes: Sizes): CopyRow[] {
  const random = randomFor(seed, STREAM.contactGrants, customerId);
  return distinctIds(random, random.between(10, 50), sizes.contacts).map((contactId) => ({
    customer_id: customerId,
    contact_id: contactId,
    ...grant(random),
  }));
}

/** The places that one customer may see: 4 to 16 (fewer when there are not so many). */
export function placeGrantRows(seed: number, customerId: number, sizes: Sizes): CopyRow[] {
  const random = randomFor(seed, STREAM.placeGrants, customerId);
  return distinctIds(random, random.between(4, 16), sizes.places).map((placeId) => ({
    customer_id: customerId,
    place_id: placeId,
    ...grant(random),
  }));
}

function grant(random: Random): { access_type: string; granted_at: string } {
  return { access_type: random.pick(vocabulary.ACCESS_TYPES), granted_at: micros(random, 2 * 365) };
}

/** One or two CRM records of a customer, without their key: the caller numbers them. */
export function mappingRows(seed: number, customerId: number): CopyRow[] {
  const random = randomFor(seed, STREAM.mappings, customerId);
  return Array.from({ length: random.between(1, 2) }, () => ({
    customer_id: customerId,
    ...mappingValues(random),
    last_synced_time: random.chance(0.05) ? null : micros(random, 14),
  }));
}

/** A CRM record that was never synced, without its key and its customer. */
export function mappingValues(random: Random): CopyRow {
  return {
    crm: random.pick(vocabulary.CRMS),
    account_owner: random.pick(vocabulary.ACCOUNT_OWNERS),
    sync_enabled: random.chance(0.9),
  };
}

/** What runs at one place: none to four products, without their key: the caller numbers them. */
export function techStackRows(seed: number, placeId: number): CopyRow[] {
  const random = randomFor(seed, STREAM.techStack, placeId);
  return Array.from({ length: random.between(0, 4) }, () => ({
    place_id: placeId,
    ...techStackValues(random),
    updated_at: millis(random, 200),
  }));
}

/** One product in use, without its key, its place and its time. */
export function techStackValues(random: Random): CopyRow {
  return {
    ...random.pick(vocabulary.PRODUCTS),
    first_seen: dateBefore(random, 8 * 365),
    annual_cost: random.chance(0.2) ? null : decimal(random, 400_000, 2),
  };
}

function distinctIds(random: Random, wanted: number, highest: number): number[] {
  const ids = new Set<number>();
  while (ids.size < Math.min(wanted, highest)) ids.add(random.between(1, highest));
  return [...ids];
}
