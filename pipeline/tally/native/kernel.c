/* Counts lines of TAB-separated fields in one pass. README.md has the idea and the invariants.
 *
 * The kernel knows no log format. A plan says the fields to read and the meaning of their values.
 * Lines that are not plain are handed back by place; the caller reads them in its own way.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if defined(__SSE2__) && !defined(PORTABLE)
#include <emmintrin.h>
#endif

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the kernel needs a little-endian machine"
#endif

#define API __attribute__((visibility("default")))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#ifndef TINY              /* so small that tests come to every limit */
#define LIMIT(usual, tiny) usual
#else
#define LIMIT(usual, tiny) tiny
#endif

enum {
    ABI = 1,
    BATCH = LIMIT(128, 8),         /* lines that are counted together */
    POSITIONS = LIMIT(16384, 300), /* delimiters of a batch */
    MOST_FIELDS = 512,
    MOST_COLUMNS = 32,
    MOST_PLACES = LIMIT(32, 2),    /* hours of groups that are counted at the same time */
    MOST_BUCKETS = 2048,
    MOST_ODD = LIMIT(4096, 9),     /* odd lines before the caller must take them */
    LONGEST = 4096,                /* bytes of a plain value */
    PROBES = LIMIT(64, 3),         /* slots looked at for a value, whatever a viewer chooses */
    SHORT = 16,           /* bytes of a value that is compared in its slot */
    PREFETCHED = 1024,    /* slots of a table that may not be in the nearest cache */
    MEASURES = 8,
    TIMES = 6,
    HISTOGRAMS = 7,
    SLOT_SECONDS = 300,
    SLOTS = 12,
    HOURS_BACK = 24,
    ALL_SLOTS = (HOURS_BACK + 1) * SLOTS,
    REGISTER_BITS = 12,
    REGISTERS = 1 << REGISTER_BITS
};

static const uint32_t FIRST_ENTRIES = LIMIT(256, 16), MOST_ENTRIES = LIMIT(65536, 60);
static const size_t MOST_BYTES_OF_VALUES = LIMIT(8u << 20, 40000); /* of one column */
static const size_t MOST_BYTES_OF_COUNTS = LIMIT(64u << 20, 100000);
static const int64_t HOUR_US = 3600000000, SECOND_US = 1000000, DAY_SECONDS = 86400;
static const int64_t LATEST_US = INT64_C(1) << 52; /* rounding by addition works up to it */
static const int64_t MOST_BYTES = INT64_C(1000000000000), LONGEST_US = INT64_C(10000000000000);

enum { DONE, FULL, NO_MEMORY };
enum { MILLIS, DATE_AND_TIME, SECONDS };
enum { SENT, RECEIVED, TAKEN, FIRST_BYTE, ORIGIN_FIRST, ORIGIN_LAST };
enum { REQUESTS, BYTES, HITS, MISSES, ERRORS_4XX, ERRORS_5XX, TIME_US, TIMED };
enum { OF_ALL, OF_HITS, OF_MISSES, OF_FIRST_BYTE, OF_ORIGIN_FIRST, OF_ORIGIN_LAST, OF_SESSIONS };
enum { /* the meaning of values */
    HIT = 1, MISS = 2, FAILURE = 4, ERROR_4XX = 8, ERROR_5XX = 16,
    SWITCHED = 32, UNSAID = 64, UPGRADE = 128, CACHEABLE = 256, NO_ADDRESS = 512
};

typedef struct {
    const uint8_t *text;
    uint32_t length, flags;
} known_value;

typedef struct { /* a field whose values are told apart */
    const known_value *known;
    const uint8_t *prefix;    /* hashed before the value */
    uint32_t known_count, prefix_length;
    uint32_t field;
    uint32_t usual_flags;     /* of a value that is not known */
    uint32_t is_counted, is_hashed;
} column;

typedef struct {
    int64_t earliest_us, latest_us;
    uint64_t seeds[3];
    uint64_t no_agent;        /* the hash of the agent of lines that have none */
    const uint8_t *key;       /* of hashes */
    const int64_t *lower;     /* the first microsecond of each bucket, and of the one behind */
    const int32_t *first;     /* the first bucket of each cell */
    uint32_t cells, cell_shift, cell_of_1, buckets;
    uint32_t key_length;
    uint32_t width;           /* the fields of a plain line */
    uint32_t clock, clock_field, clock_field_2;
    uint32_t flags;           /* those of fields that no line has */
    uint32_t columns;
    int32_t measures[TIMES];  /* the fields of numbers, -1 for none */
    int32_t address, agent, group; /* columns, -1 for none */
    column column[MOST_COLUMNS];
} plan;

typedef struct {
    int64_t hour, group;      /* the group is an entry of the column of groups, 0 for none */
    int64_t totals[MEASURES];
    int64_t received, cacheable, cacheable_hits, sessions, first_us, last_us, visits;
    int64_t slots[3][ALL_SLOTS]; /* requests, bytes, server errors; the last hour is the place's */
    int64_t sums[HISTOGRAMS], maxima[HISTOGRAMS];
    int64_t buckets[HISTOGRAMS][MOST_BUCKETS];
    uint8_t registers[REGISTERS];
} place;

typedef struct {
    uint64_t hash, a, b;      /* a short value itself, or its first bytes and its place */
    uint32_t length, entry;   /* 0 is no entry */
} slot;

typedef struct {              /* the distinct values of a column */
    slot *slots;
    uint32_t mask, entries, capacity; /* entry 0 is of no value */
    uint8_t *values;          /* each with an LF behind it, in order of entries from 1 */
    size_t size, room;
    uint64_t *hashes;
    uint32_t *flags;
} table;

typedef struct {
    uint32_t start, length, line;
} odd_line;

typedef struct {
    plan plan;
    table tables[MOST_COLUMNS];
    place *places[MOST_PLACES];
    int64_t *counts[MOST_PLACES][MOST_COLUMNS];
    uint32_t place_count, made_places;
    odd_line odd[MOST_ODD];
    uint32_t odd_count;
    uint64_t dates[2];        /* the date that was read last, and its days since the epoch */
    int64_t days;

    /* the batch */
    uint32_t positions[1 + POSITIONS + 64 + 8]; /* the delimiters; the first is before all */
    uint32_t ends[BATCH + 1]; /* the place of each line's end in it */
    uint32_t high[BATCH];     /* the number of the last window so far with bytes that are not ASCII */
    uint32_t lines;
    uint32_t rows;            /* the lines that are plain so far */
    uint32_t at[BATCH];       /* the place of each row's first delimiter */
    uint32_t line[BATCH];
    int64_t times[BATCH];
    int64_t measures[TIMES][BATCH];
    uint32_t row_flags[BATCH];
    uint8_t is_odd[BATCH];
    uint32_t codes[MOST_COLUMNS][BATCH];
    uint8_t place_of[BATCH];
    _Alignas(64) int64_t vectors[BATCH][MEASURES];
} kernel;

/* --- Hashes that are kept: BLAKE2b (RFC 7693) with 8 bytes of digest --- */

static const uint64_t BLAKE_IV[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

static const uint8_t BLAKE_SIGMA[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0}};

static uint64_t rotated(uint64_t x, unsigned bits) { return x >> bits | x << (64 - bits); }

static void blake_mix(uint64_t *v, int a, int b, int c, int d, uint64_t x, uint64_t y) {
    v[a] += v[b] + x;
    v[d] = rotated(v[d] ^ v[a], 32);
    v[c] += v[d];
    v[b] = rotated(v[b] ^ v[c], 24);
    v[a] += v[b] + y;
    v[d] = rotated(v[d] ^ v[a], 16);
    v[c] += v[d];
    v[b] = rotated(v[b] ^ v[c], 63);
}

static void blake_block(uint64_t *h, const uint8_t *block, uint64_t count, int is_last) {
    uint64_t v[16], m[16];
    memcpy(m, block, sizeof m);
    for (int i = 0; i < 8; i++) {
        v[i] = h[i];
        v[i + 8] = BLAKE_IV[i];
    }
    v[12] ^= count;
    if (is_last) v[14] = ~v[14];
    for (int round = 0; round < 12; round++) {
        const uint8_t *s = BLAKE_SIGMA[round % 10];
        for (int i = 0; i < 4; i++)
            blake_mix(v, i, i + 4, i + 8, i + 12, m[s[2 * i]], m[s[2 * i + 1]]);
        for (int i = 0; i < 4; i++)
            blake_mix(v, i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12,
                      m[s[8 + 2 * i]], m[s[9 + 2 * i]]);
    }
    for (int i = 0; i < 8; i++) h[i] ^= v[i] ^ v[i + 8];
}

/* The hash of a prefix and a text, together not longer than LONGEST and 128 bytes. */
static uint64_t kept_hash(const plan *plan, const column *column, const uint8_t *text, size_t size) {
    uint8_t message[128 + 128 + LONGEST + 128] = {0};
    uint64_t h[8];
    size_t length = 0;
    if (plan->key_length) {
        memcpy(message, plan->key, plan->key_length);
        length = 128;
    }
    if (column->prefix_length) memcpy(message + length, column->prefix, column->prefix_length);
    length += column->prefix_length;
    memcpy(message + length, text, size);
    length += size;
    memcpy(h, BLAKE_IV, sizeof h);
    h[0] ^= UINT64_C(0x01010000) ^ (uint64_t)plan->key_length << 8 ^ 8;
    size_t done = 0;
    for (; length - done > 128; done += 128) blake_block(h, message + done, done + 128, 0);
    blake_block(h, message + done, length, 1);
    return h[0];
}

/* --- Tables of distinct values --- */

static uint64_t load(const uint8_t *p) {
    uint64_t x;
    memcpy(&x, p, 8);
    return x;
}

static uint64_t folded(uint64_t a, uint64_t b) {
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t low_bytes(unsigned count) { /* a mask of up to 8 bytes */
    return count >= 8 ? ~UINT64_C(0) : (UINT64_C(1) << 8 * count) - 1;
}

typedef struct {
    uint64_t hash, a, b;
} word;

/* The word of a value. No byte at or behind `limit` is read. */
static inline word word_of(const uint64_t *seeds, const uint8_t *p, uint32_t length,
                           const uint8_t *limit) {
    word w;
    if (length <= SHORT) {
        if (LIKELY((size_t)(limit - p) >= SHORT)) {
            w.a = load(p) & low_bytes(length);
            w.b = length > 8 ? load(p + 8) & low_bytes(length - 8) : 0;
        } else {
            uint8_t copy[SHORT] = {0};
            memcpy(copy, p, length);
            w.a = load(copy);
            w.b = load(copy + 8);
        }
        w.hash = folded(w.a ^ seeds[0], w.b ^ seeds[1] ^ length);
        return w;
    }
    uint64_t hash = seeds[2] ^ length;
    for (uint32_t i = 0; i + SHORT < length; i += SHORT)
        hash = folded(load(p + i) ^ seeds[0], load(p + i + 8) ^ hash);
    hash = folded(load(p + length - 16) ^ seeds[0], load(p + length - 8) ^ hash);
    w.hash = hash;
    w.a = load(p);
    w.b = 0;
    return w;
}

static void place_slot(table *t, slot new) {
    uint32_t at = (uint32_t)new.hash & t->mask;
    while (t->slots[at].entry) at = (at + 1) & t->mask;
    t->slots[at] = new;
}

static int grow_entries(table *t, uint32_t capacity) {
    uint64_t *hashes = realloc(t->hashes, capacity * sizeof *hashes);
    if (hashes) t->hashes = hashes;
    uint32_t *flags = realloc(t->flags, capacity * sizeof *flags);
    if (flags) t->flags = flags;
    slot *slots = calloc((size_t)capacity * 2, sizeof *slots); /* at most half are taken */
    if (!hashes || !flags || !slots) {
        free(slots);
        return 0;
    }
    slot *old = t->slots;
    uint32_t old_size = old ? t->mask + 1 : 0;
    t->slots = slots;
    t->mask = capacity * 2 - 1;
    t->capacity = capacity;
    for (uint32_t i = 0; i < old_size; i++)
        if (old[i].entry) place_slot(t, old[i]);
    free(old);
    return 1;
}

static int grow_values(table *t, size_t needed) {
    size_t room = t->room ? t->room : 4096;
    while (room < needed) room *= 2;
    uint8_t *values = realloc(t->values, room);
    if (!values) return 0;
    t->values = values;
    t->room = room;
    return 1;
}

static void empty_table(table *t) {
    if (t->entries > 1) memset(t->slots, 0, ((size_t)t->mask + 1) * sizeof *t->slots);
    t->entries = 1;
    t->size = 0;
}

static uint32_t flags_of(const column *c, const uint8_t *p, uint32_t length) {
    for (uint32_t i = 0; i < c->known_count; i++)
        if (c->known[i].length == length && !memcmp(c->known[i].text, p, length))
            return c->known[i].flags;
    return c->usual_flags;
}

static int is_absent(const uint8_t *p, uint32_t length) {
    return length == 0 || (length == 1 && *p == '-');
}

static uint32_t inserted(kernel *k, uint32_t c, slot *free_slot, word w, const uint8_t *p,
                         uint32_t length) {
    const column *column = &k->plan.column[c];
    table *t = &k->tables[c];
    uint32_t entry = t->entries++;
    *free_slot = (slot){w.hash, w.a, length <= SHORT ? w.b : t->size, length, entry};
    memcpy(t->values + t->size, p, length);
    t->values[t->size + length] = '\n';
    t->size += length + 1;
    t->flags[entry] = flags_of(column, p, length);
    t->hashes[entry] = column->is_hashed ? kept_hash(&k->plan, column, p, length) : 0;
    return entry;
}

/* Whether two texts of more than SHORT bytes are the same. */
static inline int are_same(const uint8_t *a, const uint8_t *b, uint32_t length) {
    for (uint32_t i = 0; i + 8 < length; i += 8)
        if (load(a + i) != load(b + i)) return 0;
    return load(a + length - 8) == load(b + length - 8);
}

/* The entry of a value, 0 if it would take too many probes. There is room for a new one. */
static inline uint32_t entry_of(kernel *k, uint32_t c, word w, const uint8_t *p, uint32_t length) {
    table *t = &k->tables[c];
    uint32_t at = (uint32_t)w.hash & t->mask;
    for (int probe = 0; probe < PROBES; probe++, at = (at + 1) & t->mask) {
        slot *s = &t->slots[at];
        if (UNLIKELY(!s->entry)) return inserted(k, c, s, w, p, length);
        if (s->hash != w.hash || s->a != w.a || s->length != length) continue;
        if (length <= SHORT ? s->b == w.b : are_same(t->values + s->b, p, length)) return s->entry;
    }
    return 0;
}

/* --- Places --- */

static size_t bytes_of_counts(const kernel *k, uint32_t places, uint32_t column, uint32_t more) {
    size_t entries = 0;
    for (uint32_t c = 0; c < k->plan.columns; c++)
        if (k->plan.column[c].is_counted)
            entries += c == column ? more : k->tables[c].capacity;
    return entries * places * MEASURES * sizeof(int64_t);
}

static void *aligned(size_t bytes) {
    void *made = NULL;
    if (posix_memalign(&made, 64, bytes)) return NULL;
    memset(made, 0, bytes);
    return made;
}

static int grow_counts(kernel *k, uint32_t c, uint32_t before, uint32_t after) {
    size_t old = (size_t)before * MEASURES * sizeof(int64_t);
    size_t new = (size_t)after * MEASURES * sizeof(int64_t);
    for (uint32_t i = 0; i < k->made_places; i++) {
        int64_t *counts = aligned(new);
        if (!counts) return 0;
        memcpy(counts, k->counts[i][c], old);
        free(k->counts[i][c]);
        k->counts[i][c] = counts;
    }
    return 1;
}

static int make_place(kernel *k) {
    uint32_t at = k->made_places;
    place *made = calloc(1, sizeof *made);
    int ok = made != NULL;
    for (uint32_t c = 0; c < k->plan.columns && ok; c++) {
        if (!k->plan.column[c].is_counted) continue;
        k->counts[at][c] = aligned((size_t)k->tables[c].capacity * MEASURES * sizeof(int64_t));
        ok = k->counts[at][c] != NULL;
    }
    if (!ok) {
        for (uint32_t c = 0; c < k->plan.columns; c++) {
            free(k->counts[at][c]);
            k->counts[at][c] = NULL;
        }
        free(made);
        return 0;
    }
    k->places[at] = made;
    k->made_places++;
    return 1;
}

/* The number of the place of an hour of a group; MOST_PLACES if there is room for no more, and
 * MOST_PLACES + 1 if there is no memory. */
static uint32_t place_at(kernel *k, int64_t hour, int64_t group, uint32_t likely) {
    if (likely < k->place_count && k->places[likely]->hour == hour &&
        k->places[likely]->group == group)
        return likely;
    for (uint32_t i = 0; i < k->place_count; i++)
        if (k->places[i]->hour == hour && k->places[i]->group == group) return i;
    if (k->place_count == MOST_PLACES) return MOST_PLACES;
    if (k->place_count == k->made_places) {
        if (k->made_places &&
            bytes_of_counts(k, k->made_places + 1, MOST_COLUMNS, 0) > MOST_BYTES_OF_COUNTS)
            return MOST_PLACES;
        if (!make_place(k)) return MOST_PLACES + 1;
    }
    place *p = k->places[k->place_count];
    p->hour = hour;
    p->group = group;
    p->first_us = INT64_MAX;
    p->last_us = INT64_MIN;
    return k->place_count++;
}

/* --- Lines and fields --- */

typedef struct {
    uint64_t delimiters, ends;
    int is_high;
} window;

#if defined(__SSE2__) && !defined(PORTABLE)
static inline window window_of(const uint8_t *p) {
    window w = {0, 0, 0};
    __m128i any = _mm_setzero_si128();
    const __m128i tab = _mm_set1_epi8('\t'), lf = _mm_set1_epi8('\n');
    for (int i = 0; i < 4; i++) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(p + 16 * i));
        __m128i is_lf = _mm_cmpeq_epi8(bytes, lf);
        __m128i is_either = _mm_or_si128(is_lf, _mm_cmpeq_epi8(bytes, tab));
        w.delimiters |= (uint64_t)(uint32_t)_mm_movemask_epi8(is_either) << 16 * i;
        w.ends |= (uint64_t)(uint32_t)_mm_movemask_epi8(is_lf) << 16 * i;
        any = _mm_or_si128(any, bytes);
    }
    w.is_high = _mm_movemask_epi8(any) != 0;
    return w;
}
#else
#define EACH UINT64_C(0x0101010101010101)
/* A bit for each of 8 bytes that is `c`: no byte borrows from its neighbour. */
static inline uint64_t equal_to(uint64_t bytes, uint8_t c) {
    uint64_t x = bytes ^ EACH * c;
    uint64_t zero = ~(((x & EACH * 0x7f) + EACH * 0x7f) | x | EACH * 0x7f); /* 0x80 where 0 */
    return (zero >> 7) * UINT64_C(0x0102040810204080) >> 56;
}

static inline window window_of(const uint8_t *p) {
    window w = {0, 0, 0};
    uint64_t any = 0;
    for (int i = 0; i < 8; i++) {
        uint64_t bytes = load(p + 8 * i), lf = equal_to(bytes, '\n');
        w.ends |= lf << 8 * i;
        w.delimiters |= (lf | equal_to(bytes, '\t')) << 8 * i;
        any |= bytes;
    }
    w.is_high = (any & EACH * 0x80) != 0;
    return w;
}
#endif

static inline uint32_t bits_of(uint64_t x) { /* without an instruction that not every x86 has */
    x -= x >> 1 & UINT64_C(0x5555555555555555);
    x = (x & UINT64_C(0x3333333333333333)) + (x >> 2 & UINT64_C(0x3333333333333333));
    return (uint32_t)(((x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f)) * UINT64_C(0x0101010101010101) >> 56);
}

/* Finds the delimiters of up to BATCH whole lines from `start` on. */
static void scan(kernel *k, const uint8_t *text, uint32_t start, uint32_t size) {
    uint32_t count = 1, high = 0;
    k->lines = 0;
    k->positions[0] = start - 1; /* wraps, and so does the addition that makes it the start again */
    for (uint32_t at = start; at < size && count <= POSITIONS; at += 64) {
        uint8_t copy[64] = {0};
        const uint8_t *p = text + at;
        if (size - at < 64) p = memcpy(copy, p, size - at);
        window w = window_of(p);
        if (UNLIKELY(w.is_high)) high = at - start + 64;
        uint32_t before = count, *to = k->positions + count;
        count += bits_of(w.delimiters);
        for (uint64_t left = w.delimiters; left;) /* eight at a time: the end is seldom mistaken */
            for (int i = 0; i < 8; i++, left &= left - 1)
                *to++ = at + (uint32_t)__builtin_ctzll(left | UINT64_C(1) << 63);
        for (uint64_t ends = w.ends; ends; ends &= ends - 1) {
            uint64_t earlier = w.delimiters & ((ends & -ends) - 1);
            k->ends[k->lines] = before + bits_of(earlier);
            k->high[k->lines] = high;
            if (++k->lines == BATCH) return;
        }
    }
}

static int continues(const uint8_t *p, const uint8_t *end, int count) {
    if (end - p <= count) return 0;
    for (int i = 1; i <= count; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    return 1;
}

/* Whether bytes are UTF-8 (RFC 3629, table 3-7 of the Unicode standard). */
static int is_utf8(const uint8_t *p, const uint8_t *end) {
    while (p < end) {
        if (*p < 0x80) {
            p++;
        } else if (*p >= 0xc2 && *p <= 0xdf) {
            if (!continues(p, end, 1)) return 0;
            p += 2;
        } else if (*p >= 0xe0 && *p <= 0xef) {
            if (!continues(p, end, 2)) return 0;
            if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f)) return 0;
            p += 3;
        } else if (*p >= 0xf0 && *p <= 0xf4) {
            if (!continues(p, end, 3)) return 0;
            if ((*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f)) return 0;
            p += 4;
        } else {
            return 0;
        }
    }
    return 1;
}

static inline uint32_t begin_of(const kernel *k, uint32_t at, uint32_t field) {
    return k->positions[at + field - 1] + 1;
}

static inline uint32_t length_of(const kernel *k, uint32_t at, uint32_t field) {
    return k->positions[at + field] - begin_of(k, at, field);
}

static int has_long_value(const kernel *k, uint32_t at) {
    for (uint32_t field = 0; field < k->plan.width; field++)
        if (length_of(k, at, field) > LONGEST) return 1;
    return 0;
}

static void add_odd(kernel *k, uint32_t start, uint32_t end, uint32_t line) {
    k->odd[k->odd_count++] = (odd_line){start, end - start, line};
}

/* The lines of a batch that have the plan's fields become rows; others are odd, or empty. */
static void find_rows(kernel *k, const uint8_t *text, uint32_t line) {
    uint32_t at = 1, start = k->positions[0] + 1, batch = start;
    k->rows = 0;
    for (uint32_t i = 0; i < k->lines; i++) {
        uint32_t last = k->ends[i], end = k->positions[last];
        if (end > start) {
            int plain = last - at + 1 == k->plan.width;
            if (plain && end - start > LONGEST) plain = !has_long_value(k, at);
            if (plain && k->high[i] > start - batch) plain = is_utf8(text + start, text + end);
            if (plain) {
                k->at[k->rows] = at;
                k->is_odd[k->rows] = 0;
                k->line[k->rows++] = line + i;
            } else {
                add_odd(k, start, end, line + i);
            }
        }
        start = end + 1;
        at = last + 1;
    }
}

/* --- Numbers and times --- */

enum { ABSENT = -1, ODD = -2 };

static inline int64_t digits(const uint8_t *p, uint32_t length) { /* ODD unless all are digits */
    int64_t number = 0;
    unsigned wrong = 0;
    for (uint32_t i = 0; i < length; i++) {
        unsigned digit = (unsigned)p[i] - '0';
        wrong |= digit > 9;
        number = number * 10 + (int64_t)(digit & 15);
    }
    return wrong ? ODD : number;
}

/* The number that 1 to 8 digits are, the first in the lowest byte of `text`, without a branch for
 * their number; ODD unless all are digits. */
static inline int64_t few_digits(uint64_t text, uint32_t length) {
    uint64_t x = (text ^ UINT64_C(0x3030303030303030)) << (64 - 8 * length);
    if ((x | (x + UINT64_C(0x0606060606060606))) & UINT64_C(0xf0f0f0f0f0f0f0f0)) return ODD;
    x = x * 10 + (x >> 8);
    x = (x & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064) +
        (x >> 16 & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001);
    return (int64_t)(x >> 32);
}

static inline int64_t integer(const uint8_t *p, uint32_t length, const uint8_t *limit) {
    if (is_absent(p, length)) return ABSENT;
    if (length <= 8 && limit - p >= 8) return few_digits(load(p), length);
    return length > 15 ? ODD : digits(p, length);
}

static const int64_t TENS[7] = {1, 10, 100, 1000, 10000, 100000, 1000000};

/* The digits of a decimal with up to 6 places, without its point. */
static inline int64_t decimal(const uint8_t *p, uint32_t length, const uint8_t *limit,
                              uint32_t *places) {
    *places = 0;
    if (is_absent(p, length)) return ABSENT;
    if (length <= 8 && limit - p >= 8) { /* the usual: the digits are brought together */
        uint64_t text = load(p), x = text ^ UINT64_C(0x2e2e2e2e2e2e2e2e);
        uint64_t points = (x - UINT64_C(0x0101010101010101)) & ~x & UINT64_C(0x8080808080808080);
        uint32_t point = points ? (uint32_t)__builtin_ctzll(points) / 8 : 8;
        if (point >= length) return few_digits(text, length);
        if (point == 0 || point == length - 1 || length - point > 7) return ODD;
        *places = length - point - 1;
        uint64_t whole = low_bytes(point);
        return few_digits((text & whole) | (text >> 8 & ~whole), length - 1);
    }
    if (length > 16) return ODD;
    uint32_t whole = 0;
    while (whole < length && p[whole] != '.') whole++;
    if (whole == length) return length > 15 ? ODD : digits(p, length);
    *places = length - whole - 1;
    if (whole == 0 || *places == 0 || *places > 6) return ODD;
    int64_t a = digits(p, whole), b = digits(p + whole + 1, *places);
    return a < 0 || b < 0 ? ODD : a * TENS[*places] + b;
}

static inline int64_t micros(const uint8_t *p, uint32_t length, const uint8_t *limit) {
    uint32_t places;
    int64_t number = decimal(p, length, limit, &places);
    if (number < 0) return number;
    if (number > LONGEST_US) return places ? ODD : ABSENT; /* so that nothing overflows */
    number *= TENS[6 - places];
    return number > LONGEST_US ? ABSENT : number;
}

static int64_t days_of(int64_t year, int64_t month, int64_t day) {
    static const uint8_t LENGTHS[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (year < 1970 || month < 1 || month > 12 || day < 1) return ODD;
    if (day > LENGTHS[month - 1] + (is_leap && month == 2)) return ODD;
    int64_t before = year - 1;
    int64_t days = before * 365 + before / 4 - before / 100 + before / 400 - 719162;
    for (int64_t m = 1; m < month; m++) days += LENGTHS[m - 1] + (is_leap && m == 2);
    return days + day - 1;
}

static inline int64_t date(kernel *k, const uint8_t *p, uint32_t length) {
    if (length != 10) return ODD;
    uint64_t a = load(p), b = load(p + 2);
    if (LIKELY(a == k->dates[0] && b == k->dates[1])) return k->days;
    int64_t year = digits(p, 4), month = digits(p + 5, 2), day = digits(p + 8, 2);
    if (p[4] != '-' || p[7] != '-' || year < 0 || month < 0 || day < 0) return ODD;
    int64_t days = days_of(year, month, day);
    if (days < 0) return ODD;
    k->dates[0] = a;
    k->dates[1] = b;
    return k->days = days;
}

static inline int64_t time_of_day(const uint8_t *p, uint32_t length) {
    if (length != 8) return ODD;
    uint64_t x = load(p) ^ UINT64_C(0x30303a30303a3030); /* as 00:00:00 has it */
    if ((x & UINT64_C(0x0000ff0000ff0000)) ||
        ((x | (x + UINT64_C(0x0606060606060606))) & UINT64_C(0xf0f0f0f0f0f0f0f0)))
        return ODD;
    int64_t h = (int64_t)((x & 15) * 10 + (x >> 8 & 15));
    int64_t m = (int64_t)((x >> 24 & 15) * 10 + (x >> 32 & 15));
    int64_t s = (int64_t)((x >> 48 & 15) * 10 + (x >> 56 & 15));
    return h > 23 || m > 59 || s > 59 ? ODD : h * 3600 + m * 60 + s;
}

/* Epoch seconds in microseconds, rounded as an array of floats would be. */
static inline int64_t moment(const uint8_t *p, uint32_t length, const uint8_t *limit) {
    static const double ROUNDING = 4503599627370496.0; /* 2 to the 52nd */
    uint32_t places;
    int64_t number = decimal(p, length, limit, &places);
    if (number < 0) return ODD;
    double seconds = (double)number / (double)TENS[places];
    if (seconds * 1e6 >= ROUNDING) return ODD;
    return (int64_t)(seconds * 1e6 + ROUNDING - ROUNDING);
}

static inline int64_t clock_of(kernel *k, const uint8_t *text, const uint8_t *limit, uint32_t at) {
    const plan *plan = &k->plan;
    const uint8_t *p = text + begin_of(k, at, plan->clock_field);
    uint32_t length = length_of(k, at, plan->clock_field);
    if (plan->clock == SECONDS) return moment(p, length, limit);
    if (plan->clock == MILLIS) {
        int64_t millis = integer(p, length, limit);
        return millis < 0 || millis >= LATEST_US / 1000 ? ODD : millis * 1000;
    }
    int64_t days = date(k, p, length);
    int64_t seconds = time_of_day(text + begin_of(k, at, plan->clock_field_2),
                                  length_of(k, at, plan->clock_field_2));
    return days < 0 || seconds < 0 ? ODD : (days * DAY_SECONDS + seconds) * SECOND_US;
}

static void read_numbers(kernel *k, const uint8_t *text, uint32_t size) {
    const uint8_t *limit = text + size;
    const plan *plan = &k->plan;
    for (uint32_t r = 0; r < k->rows; r++) {
        int64_t time = clock_of(k, text, limit, k->at[r]);
        k->times[r] = time;
        k->is_odd[r] |= time < plan->earliest_us || time > plan->latest_us || time >= LATEST_US;
    }
    for (int m = 0; m < TIMES; m++) {
        for (uint32_t r = 0; r < k->rows; r++) {
            int64_t number = ABSENT;
            if (plan->measures[m] >= 0) {
                uint32_t field = (uint32_t)plan->measures[m];
                const uint8_t *p = text + begin_of(k, k->at[r], field);
                uint32_t length = length_of(k, k->at[r], field);
                number = m >= TAKEN ? micros(p, length, limit) : integer(p, length, limit);
                if (m < TAKEN && number > MOST_BYTES) number = ABSENT;
            }
            k->measures[m][r] = number;
            k->is_odd[r] |= number == ODD;
        }
    }
}

/* --- Words --- */

static void read_words(kernel *k, const uint8_t *text, uint32_t size, uint32_t c) {
    const column *column = &k->plan.column[c];
    const table *t = &k->tables[c];
    word words[BATCH];
    for (uint32_t r = 0; r < k->rows; r++) {
        const uint8_t *p = text + begin_of(k, k->at[r], column->field);
        words[r] = word_of(k->plan.seeds, p, length_of(k, k->at[r], column->field), text + size);
        if (t->mask >= PREFETCHED) __builtin_prefetch(&t->slots[words[r].hash & t->mask]);
    }
    for (uint32_t r = 0; r < k->rows; r++) {
        const uint8_t *p = text + begin_of(k, k->at[r], column->field);
        uint32_t entry = entry_of(k, c, words[r], p, length_of(k, k->at[r], column->field));
        k->codes[c][r] = entry;
        k->is_odd[r] |= entry == 0;
    }
    if (column->known_count || column->usual_flags)
        for (uint32_t r = 0; r < k->rows; r++) k->row_flags[r] |= t->flags[k->codes[c][r]];
}

/* Makes room in each table for the values of a batch of `bytes`. */
static int make_room(kernel *k, size_t bytes) {
    if (bytes > BATCH * (LONGEST + 1)) bytes = BATCH * (LONGEST + 1);
    for (uint32_t c = 0; c < k->plan.columns; c++) {
        table *t = &k->tables[c];
        int is_counted = k->plan.column[c].is_counted != 0;
        int is_full = t->entries + BATCH > MOST_ENTRIES || t->size + bytes > MOST_BYTES_OF_VALUES;
        if (is_full && (is_counted || k->plan.group == (int32_t)c)) return FULL;
        if (is_full) empty_table(t); /* its hashes were used, and that is all it is for */
        if (t->entries + BATCH > t->capacity) {
            uint32_t before = t->capacity, after = 2 * before;
            if (is_counted &&
                bytes_of_counts(k, k->made_places, c, after) > MOST_BYTES_OF_COUNTS)
                return FULL;
            if (is_counted && !grow_counts(k, c, before, after)) return NO_MEMORY;
            if (!grow_entries(t, after)) return NO_MEMORY;
        }
        if (t->size + bytes > t->room && !grow_values(t, t->size + bytes)) return NO_MEMORY;
    }
    return DONE;
}

/* --- Counting --- */

static inline uint32_t bucket_of(const plan *plan, int64_t us) {
    double value = (double)us;
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    int64_t cell = (bits >> plan->cell_shift) - plan->cell_of_1;
    uint32_t first = (uint32_t)plan->first[cell < 0 ? 0 : cell];
    return first + (us >= plan->lower[first + 1]);
}

static inline void add_time(place *p, int histogram, int64_t us, uint32_t bucket) {
    p->buckets[histogram][bucket]++;
    p->sums[histogram] += us;
    if (us > p->maxima[histogram]) p->maxima[histogram] = us;
}

/* Splits the bytes of a request over the five minutes of its time, by whole seconds. */
static void spread(place *p, int64_t slot, int64_t time_us, int64_t taken_us, int64_t sent) {
    int64_t end = time_us / SECOND_US;
    int64_t seconds = taken_us / SECOND_US < DAY_SECONDS ? taken_us / SECOND_US : DAY_SECONDS;
    int64_t start = end - seconds, begin = end / SLOT_SECONDS * SLOT_SECONDS, left = sent;
    for (;; slot--, begin -= SLOT_SECONDS) {
        int64_t before = begin > start ? sent * (begin - start) / seconds : 0;
        p->slots[1][slot] += left - before;
        if (begin <= start) return;
        left = before;
    }
}

static inline void add_visitor(place *p, uint64_t hash) {
    hash = (hash ^ hash >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    hash = (hash ^ hash >> 27) * UINT64_C(0x94d049bb133111eb);
    hash ^= hash >> 31;
    uint64_t rest = hash << REGISTER_BITS;
    uint8_t rank = (uint8_t)(rest ? __builtin_clzll(rest) + 1 : 64 - REGISTER_BITS + 1);
    uint8_t *r = &p->registers[hash >> (64 - REGISTER_BITS)];
    if (rank > *r) *r = rank;
    p->visits++;
}

static void count_times(const plan *plan, place *p, const int64_t (*measures)[BATCH], uint32_t r,
                        uint32_t flags, int is_session) {
    int64_t taken = measures[TAKEN][r];
    if (taken >= 0) {
        uint32_t bucket = bucket_of(plan, taken);
        if (is_session) {
            add_time(p, OF_SESSIONS, taken, bucket);
        } else {
            add_time(p, OF_ALL, taken, bucket);
            if (flags & HIT) add_time(p, OF_HITS, taken, bucket);
            if (flags & MISS) add_time(p, OF_MISSES, taken, bucket);
        }
    }
    for (int m = FIRST_BYTE; m < TIMES && !is_session; m++) {
        int64_t time = measures[m][r];
        if (time >= 0) add_time(p, m - FIRST_BYTE + OF_FIRST_BYTE, time, bucket_of(plan, time));
    }
}

static void count_row(kernel *k, uint32_t r) {
    const plan *plan = &k->plan;
    place *p = k->places[k->place_of[r]];
    int64_t *v = k->vectors[r], time = k->times[r], taken = k->measures[TAKEN][r];
    uint32_t flags = k->row_flags[r];
    int is_session = (flags & SWITCHED) || ((flags & UNSAID) && (flags & UPGRADE));
    int is_cacheable = (flags & CACHEABLE) && !(flags & (FAILURE | ERROR_4XX | ERROR_5XX));
    int64_t sent = k->measures[SENT][r], received = k->measures[RECEIVED][r];
    v[REQUESTS] = 1;
    v[BYTES] = sent > 0 ? sent : 0;
    v[HITS] = (flags & HIT) != 0;
    v[MISSES] = (flags & MISS) != 0;
    v[ERRORS_4XX] = (flags & ERROR_4XX) != 0;
    v[ERRORS_5XX] = (flags & ERROR_5XX) != 0;
    v[TIMED] = taken >= 0 && !is_session;
    v[TIME_US] = v[TIMED] ? taken : 0;
    for (int i = 0; i < MEASURES; i++) p->totals[i] += v[i];
    p->received += received > 0 ? received : 0;
    p->cacheable += is_cacheable;
    p->cacheable_hits += is_cacheable && (flags & HIT);
    p->sessions += is_session;
    if (time < p->first_us) p->first_us = time;
    if (time > p->last_us) p->last_us = time;
    int64_t slot = time / (SLOT_SECONDS * SECOND_US) - (p->hour - HOURS_BACK) * SLOTS;
    p->slots[0][slot]++;
    p->slots[2][slot] += v[ERRORS_5XX];
    if (taken > SLOT_SECONDS * SECOND_US) spread(p, slot, time, taken, v[BYTES]);
    else p->slots[1][slot] += v[BYTES];
    count_times(plan, p, (const int64_t(*)[BATCH])k->measures, r, flags, is_session);
    if (plan->address < 0 || flags & NO_ADDRESS) return;
    uint32_t address = k->codes[plan->address][r];
    uint64_t agent =
        plan->agent < 0 ? plan->no_agent : k->tables[plan->agent].hashes[k->codes[plan->agent][r]];
    add_visitor(p, k->tables[plan->address].hashes[address] + agent);
}

/* Adds the measures of a row to counts, all at once. Both are aligned to 64 bytes. */
static inline void add_vector(int64_t *counts, const int64_t *measures) {
    typedef int64_t vector __attribute__((vector_size(64), may_alias));
    *(vector *)counts += *(const vector *)measures;
}

static void count_column(kernel *k, uint32_t c) {
    for (uint32_t r = 0; r < k->rows; r++)
        add_vector(k->counts[k->place_of[r]][c] + (size_t)k->codes[c][r] * MEASURES, k->vectors[r]);
}

/* Finds the place of each row. Rows for whose place there is no room, even in an empty kernel, are
 * odd. */
static int find_places(kernel *k) {
    uint32_t before = k->place_count, likely = 0;
    for (uint32_t r = 0; r < k->rows; r++) {
        k->place_of[r] = 0;
        if (k->is_odd[r]) continue;
        int64_t group = k->plan.group < 0 ? 0 : k->codes[k->plan.group][r];
        uint32_t at = place_at(k, k->times[r] / HOUR_US, group, likely);
        if (at > MOST_PLACES) return NO_MEMORY;
        if (at == MOST_PLACES && before) return FULL;
        k->is_odd[r] |= at == MOST_PLACES;
        if (at < MOST_PLACES) k->place_of[r] = (uint8_t)(likely = at);
    }
    return DONE;
}

static int count_rows(kernel *k, const uint8_t *text, uint32_t size) {
    read_numbers(k, text, size);
    uint32_t rows = 0;
    for (uint32_t r = 0; r < k->rows; r++) k->row_flags[r] = k->plan.flags;
    for (uint32_t c = 0; c < k->plan.columns; c++) read_words(k, text, size, c);
    int state = find_places(k);
    if (state != DONE) return state;
    memset(k->vectors, 0, sizeof k->vectors); /* an odd row adds nothing to anything */
    for (uint32_t r = 0; r < k->rows; r++) {
        if (!k->is_odd[r]) {
            count_row(k, r);
            rows++;
            continue;
        }
        uint32_t at = k->at[r];
        add_odd(k, begin_of(k, at, 0), k->positions[at + k->plan.width - 1], k->line[r]);
    }
    if (rows)
        for (uint32_t c = 0; c < k->plan.columns; c++)
            if (k->plan.column[c].is_counted) count_column(k, c);
    return DONE;
}

/* --- The door --- */

API int32_t kernel_abi(void) { return ABI; }

API uint32_t kernel_size_of(uint32_t what) { /* the caller's idea of them must be the same */
    static const uint32_t SIZES[] = {sizeof(plan), sizeof(column), sizeof(place), sizeof(odd_line)};
    return what < sizeof SIZES / sizeof *SIZES ? SIZES[what] : 0;
}

API void kernel_free(kernel *k) {
    if (!k) return;
    for (uint32_t c = 0; c < MOST_COLUMNS; c++) {
        table *t = &k->tables[c];
        free(t->slots);
        free(t->values);
        free(t->hashes);
        free(t->flags);
        for (uint32_t i = 0; i < MOST_PLACES; i++) free(k->counts[i][c]);
    }
    for (uint32_t i = 0; i < MOST_PLACES; i++) free(k->places[i]);
    free(k);
}

/* A kernel for a plan, whose pointers must outlive it. NULL if there is no memory, or the plan is
 * beyond the limits. */
API kernel *kernel_new(const plan *plan) {
    if (plan->width > MOST_FIELDS || plan->columns > MOST_COLUMNS || plan->key_length > 64 ||
        plan->buckets > MOST_BUCKETS)
        return NULL;
    kernel *k = aligned(sizeof *k);
    if (!k) return NULL;
    k->plan = *plan;
    k->plan.seeds[1] ^= UINT64_C(1) << 63; /* never all zeros */
    for (uint32_t c = 0; c < plan->columns; c++) {
        k->tables[c].entries = 1;
        if (!grow_entries(&k->tables[c], FIRST_ENTRIES)) {
            kernel_free(k);
            return NULL;
        }
        k->tables[c].flags[0] = 0;
        k->tables[c].hashes[0] = 0;
    }
    return k;
}

/* Counts whole lines of a text, from `*start` on, of which `*lines` were taken before. Both are
 * brought forward. Returns DONE at the end, or when the odd lines must be taken; FULL when all that
 * was counted must be taken; NO_MEMORY. */
API int32_t kernel_feed(kernel *k, const uint8_t *text, uint32_t size, uint32_t *start,
                        uint32_t *lines) {
    k->odd_count = 0;
    while (*start < size && k->odd_count + BATCH <= MOST_ODD) {
        scan(k, text, *start, size);
        if (!k->lines) { /* a line of too many fields to be plain */
            const uint8_t *end = memchr(text + *start, '\n', size - *start);
            uint32_t last = end ? (uint32_t)(end - text) : size;
            add_odd(k, *start, last, *lines);
            *start = end ? last + 1 : size;
            ++*lines;
            continue;
        }
        uint32_t end = k->positions[k->ends[k->lines - 1]] + 1, odd = k->odd_count;
        int state = make_room(k, end - *start + BATCH);
        if (state == DONE) {
            find_rows(k, text, *lines);
            state = count_rows(k, text, size);
        }
        if (state != DONE) {
            k->odd_count = odd; /* the batch comes again */
            return state;
        }
        *start = end;
        *lines += k->lines;
    }
    return DONE;
}

API uint32_t kernel_odd(const kernel *k, const odd_line **odd) {
    *odd = k->odd;
    return k->odd_count;
}

API uint32_t kernel_places(const kernel *k) { return k->place_count; }

API const place *kernel_place(const kernel *k, uint32_t at) { return k->places[at]; }

/* The values of a column, each with an LF behind it, and the number of them. */
API uint32_t kernel_values(const kernel *k, uint32_t column, const uint8_t **text, uint64_t *size) {
    *text = k->tables[column].values;
    *size = k->tables[column].size;
    return k->tables[column].entries - 1;
}

/* The counts of a column's values at a place: MEASURES numbers for each. */
API const int64_t *kernel_counts(const kernel *k, uint32_t at, uint32_t column) {
    return k->counts[at][column] + MEASURES;
}
