#include <sqlite3.h>

/* sqlite3_config is variadic. Before SQLite's first use: no global count of its memory, and so no lock around each allocation. */
static inline int csqlite_count_no_memory(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }
