#include <spawn.h>

// glibc has both since 2.34, but shows them only to programs built with _GNU_SOURCE, which Swift's are not.
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
extern int pipe2(int ends[2], int flags);
