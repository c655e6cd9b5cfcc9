/** The tables of the sample, parents first. */
export const TABLES = [
  'artist',
  'album',
  'employee',
  'customer',
  'genre',
  'media_type',
  'track',
  'playlist',
  'playlist_track',
  'invoice',
  'invoice_line',
] as const;
