export type PlaceType = 'city' | 'county' | 'school_district' | 'special_district' | 'state_agency';

/** A state, its name, and its people in hundred thousands, so that larger states get more places. */
export interface State {
  abbr: string;
  name: string;
  weight: number;
  /** About the middle of the state, in degrees. */
  latitude: number;
  longitude: number;
}

/** The fifty states and the District of Columbia, the largest first. */
export const STATES: readonly State[] = `
CA 395 37 -120 California|TX 291 31 -99 Texas|FL 215 28 -82 Florida|NY 202 43 -76 New York|PA 130 41 -78 Pennsylvania
IL 128 40 -89 Illinois|OH 118 40 -83 Ohio|GA 107 33 -83 Georgia|NC 104 35 -79 North Carolina|MI 101 43 -85 Michigan
NJ 93 40 -74 New Jersey|VA 86 37 -79 Virginia|WA 77 47 -121 Washington|AZ 72 34 -112 Arizona|MA 70 42 -72 Massachusetts
TN 69 36 -86 Tennessee|IN 68 40 -86 Indiana|MD 62 39 -77 Maryland|MO 62 38 -92 Missouri|WI 59 44 -90 Wisconsin
CO 58 39 -106 Colorado|MN 57 46 -94 Minnesota|SC 51 34 -81 South Carolina|AL 50 33 -87 Alabama|LA 47 31 -92 Louisiana
KY 45 38 -85 Kentucky|OR 42 44 -121 Oregon|OK 40 35 -97 Oklahoma|CT 36 42 -73 Connecticut|UT 33 39 -112 Utah
IA 32 42 -93 Iowa|NV 31 39 -117 Nevada|AR 30 35 -92 Arkansas|MS 30 33 -90 Mississippi|KS 29 38 -98 Kansas
NM 21 34 -106 New Mexico|NE 20 41 -100 Nebraska|ID 18 44 -115 Idaho|WV 18 39 -81 West Virginia|HI 15 20 -156 Hawaii
NH 14 43 -72 New Hampshire|ME 14 45 -69 Maine|RI 11 42 -71 Rhode Island|MT 11 47 -110 Montana|DE 10 39 -75 Delaware
SD 9 44 -100 South Dakota|ND 8 47 -100 North Dakota|AK 7 64 -150 Alaska|DC 7 39 -77 District of Columbia|VT 6 44 -73 Vermont
WY 6 43 -108 Wyoming`
  .trim()
  .split(/[|\n]/)
  .map((line) => {
    const [abbr = '', weight, latitude, longitude, ...name] = line.split(' ');
    return {
      abbr,
      name: name.join(' '),
      weight: Number(weight),
      latitude: Number(latitude),
      longitude: Number(longitude),
    };
  });

/** Types of places with their share in a hundred. */
export const PLACE_TYPES: readonly { type: PlaceType; weight: number }[] = [
  { type: 'city', weight: 38 },
  { type: 'special_district', weight: 36 },
  { type: 'school_district', weight: 15 },
  { type: 'county', weight: 6 },
  { type: 'state_agency', weight: 5 },
];

export const TOWN_FIRST =
  words(`Cedar Oak Maple Fort Spring Clear River Lake Stone Elk Bear Eagle Silver Iron Copper
  Salt Sand Rock Green White Red Black Blue Golden North South East West New Old Grand Little High Fair Pleasant Union
  Liberty Harmony Mill Bridge Summer Winter Willow Birch Ash Pine Walnut Cherry Plum Cañon Piñon`);
export const TOWN_SECOND =
  words(`Falls Creek Springs Valley Grove Hill Heights Park Ridge Point Harbor Bluff Rapids
  Prairie Crossing Landing Junction Mills Haven Bend Hollow Lake Fork Summit Gap Meadows Station Ferry Center Rock`);
export const COUNTIES =
  words(`Jefferson Washington Franklin Lincoln Madison Monroe Jackson Marion Clay Union Wayne
  Montgomery Greene Warren Carroll Adams Lake Douglas Polk Perry Crawford Johnson Shelby Fayette Mercer Hancock Logan
  Pike Scott Lawrence Morgan Clark Hamilton Henry Boone Cass Knox Doña-Ana`);
export const SCHOOL_KINDS = [
  'Unified School District',
  'Independent School District',
  'Public Schools',
  'Charter Schools',
];
export const DISTRICT_KINDS = [
  'Water District',
  'Fire Protection District',
  'Library District',
  'Transit Authority',
  'Housing Authority',
  'Sanitary District',
  'Park District',
  'Hospital District',
];
export const AGENCY_KINDS = [
  'Department of Transportation',
  'Department of Revenue',
  'Department of Health',
  'Department of Education',
  'Office of Information Technology',
  'Department of Corrections',
  'Department of Natural Resources',
  'Public Utilities Commission',
];

export const FIRST_NAMES =
  words(`Maria James Linda Robert Patricia Michael Jennifer William Elizabeth David Barbara
  Richard Susan Joseph Jessica Thomas Karen Carlos Nancy Daniel Lisa Matthew Betty Anthony Sandra Mark Ashley Steven
  Dorothy Paul Kimberly Andrew Emily Joshua Donna Kenneth Michelle Kevin Carol Brian Amanda José Zoë Renée Andrés
  Aaliyah Hiroshi Mei Priya Ravi Fatima Omar Nia Kwame Siobhán Søren Chloé Tomás Ana Luis Grace Noah Wei Thanh`);
export const LAST_NAMES =
  words(`Smith Johnson Williams Brown Jones García Miller Davis Rodríguez Martínez Hernández
  López González Wilson Anderson Taylor Moore Jackson Martin Lee Pérez Thompson White Harris Sánchez Clark Ramírez
  Lewis Robinson Walker Young Allen King Wright Scott Torres Nguyen Hill Flores Green Adams Nelson Baker Hall Rivera
  Campbell Mitchell Carter Roberts Gómez Phillips Evans Turner Díaz Parker Cruz Edwards Collins Reyes Stewart Morris
  Morales Murphy Cook Rogers Gutiérrez Ortiz Morgan Cooper Peterson Bailey Reed Kelly Howard Ramos Kim Cox Ward
  Richardson Watson Brooks Chávez Wood James Bennett Gray Mendoza Ruiz Hughes Price Álvarez Castillo Sanders Patel
  Myers Long Ross Foster Jiménez O'Brien O'Connor D'Angelo Núñez Muñoz Okafor Björk Yıldız Kowalski Smith-Lee Begay`);

/** Departments with the titles that exist in each; the first title is the head of the department. */
export const DEPARTMENTS: readonly { name: string; titles: readonly string[] }[] = [
  {
    name: 'Information Technology',
    titles: ['Chief Information Officer', 'IT Manager', 'Systems Analyst', 'GIS Analyst'],
  },
  { name: 'Finance', titles: ['Finance Director', 'Budget Analyst', 'Accountant', 'Payroll Specialist'] },
  { name: 'Procurement', titles: ['Purchasing Director', 'Buyer', 'Contract Specialist'] },
  {
    name: 'Public Works',
    titles: ['Public Works Director', 'Chief Engineer', 'Fleet Manager', 'Project Engineer'],
  },
  {
    name: 'Public Safety',
    titles: ['Police Chief', 'Fire Chief', 'Emergency Manager', 'Records Supervisor'],
  },
  { name: 'Administration', titles: ['Administrator', 'Deputy Administrator', 'Executive Assistant'] },
  { name: "Clerk's Office", titles: ['Clerk', 'Deputy Clerk', 'Records Manager'] },
  { name: 'Human Resources', titles: ['HR Director', 'HR Generalist', 'Benefits Coordinator'] },
  { name: 'Planning & Zoning', titles: ['Planning Director', 'Senior Planner', 'Permit Technician'] },
  { name: 'Parks & Recreation', titles: ['Parks Director', 'Recreation Supervisor'] },
  { name: 'Curriculum', titles: ['Superintendent', 'Assistant Superintendent', 'Curriculum Coordinator'] },
  { name: 'Library', titles: ['Library Director', 'Reference Librarian'] },
];

/** Invented vendors and products by category. */
export const PRODUCTS: readonly { category: string; vendor: string; product: string }[] = `
ERP: Ledgerwell/Fundbook, Ledgerwell/Ledgerwell Cloud, Oakmark/CivicBooks, Brightspan/Brightspan ERP
Permitting: Permitly/Permitly One, Oakmark/PlanDesk, Fieldstone/Fieldstone Permits
Public safety: Sentrypoint/Sentrypoint CAD, Sentrypoint/Records 360, Harborlight/Dispatch Pro
Student information: Chalkline/Chalkline SIS, Gradewater/Gradewater Core
GIS: Terrafold/Terrafold Maps, Meridiant/Parcel Studio
Website: Townfront/Townfront CMS, Plazaweb/Plazaweb
Human resources: Brightspan/Brightspan People, Rostera/Rostera HR
Utility billing: Meterwise/Meterwise, Flowledger/Flowledger Billing
Asset management: Fieldstone/Fieldstone Assets, Ironbench/WorkOrder+
Agenda management: Gavelnote/Gavelnote, Plazaweb/Plazaweb Meetings`
  .trim()
  .split('\n')
  .flatMap((line) => {
    const [category = '', products = ''] = line.split(': ');
    return products.split(', ').map((entry) => {
      const [vendor = '', product = ''] = entry.split('/');
      return { category, vendor, product };
    });
  });

/** The people who sell: they own contacts and customers' accounts. */
export const ACCOUNT_OWNERS: readonly string[] = [
  'Avery Quinn',
  'Blake Moreno',
  'Casey Lindqvist',
  'Dana Whitfield',
  'Emerson Cho',
  'Finley Achebe',
  'Harper Delacroix',
  'Indira Rao',
  'Jordan Castellanos',
  'Kendall Frost',
  'Logan Petrov',
  'Morgan Iwu',
  'Noor Haddad',
  'Parker Yamada',
  'Quincy Vasquez',
  'Reese Abernathy',
  'Sasha Oyelaran',
  'Tatum Bergström',
];

export const CUSTOMER_FIRST = words(
  `Civic Metro Summit Anchor Beacon Vector Granite Pioneer Keystone Northwind Clearview Lumen Harbor Atlas Cobalt`,
);
export const CUSTOMER_SECOND = words(
  `Software Systems Solutions Analytics Networks Consulting Data Labs Partners`,
);
export const CUSTOMER_FORMS = ['Inc.', 'LLC', 'Group', 'Co.'];

export const PLANS = ['trial', 'team', 'business', 'enterprise'] as const;
export const ACCESS_TYPES = ['viewer', 'editor', 'owner'] as const;
export const CRMS = ['northforce', 'hubline', 'dealwright'] as const;

/** Sentences of call notes. */
export const NOTE_SENTENCES: readonly string[] = [
  'The team renews in spring and wants a quote with two options.',
  'They sell permitting software to cities below 50,000 people.',
  'Legal asked for the data-processing terms before the next call.',
  "They liked the map; they didn't like the export.\nFollow up with the new CSV format.",
  'Budget is fixed until July; seats may grow after that.',
  'Path of the shared folder: \\\\files\\deals\\current.',
  'Columns they need:\tname\temail\ttitle\tdepartment.',
  'Champion moved to another company – find the successor.',
  'Asked twice about single sign-on and audit logs.',
  'Very happy with support 🎉 and ready to give a reference.',
];

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
