/** The largest record, in bytes of key and value: a book of 380,000 levels of the widest numbers has room in it. The topic is made for it. */
export const RECORD_MAX_BYTES = 8 * 1024 * 1024;
