#include <sqlite3.h>

/* sqlite3_config is variadic. Before SQLite's first use: no global count of its memory, and so no lock around each allocation. */
static inline int csqlite_count_no_memory(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

/* sqlite3_db_config is variadic. */
static inline int csqlite_copy_no_log_on_close(sqlite3 *db, int on) {
  return sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, on, (int *)0);
}
