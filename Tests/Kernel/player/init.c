// Plays a script of the player's language (see `run`, which writes it) through /dev/liveupdate and /dev/luo-player.
//
// One step per line. After each, logs "player: result ERRNO" and the state. After a kexec, continues at the next line.
#define _GNU_SOURCE
#include "carrier.h"

#define NAMES 4096
static struct { char name[160]; int fd; } table[3][NAMES];	// outgoing sessions, incoming sessions, files
enum { OUTGOING, INCOMING, FILES };
static int counts[3], device = -1, player = -1;

static int *slot(int kind, const char *name)
{
	for (int i = 0; i < counts[kind]; i++)
		if (!strcmp(table[kind][i].name, name)) return &table[kind][i].fd;
	strcpy(table[kind][counts[kind]].name, name);
	table[kind][counts[kind]].fd = -1;
	return &table[kind][counts[kind]++].fd;
}

static void say(const char *format, ...)
{
	char text[300] = "say ";
	va_list list;
	va_start(list, format);
	vsnprintf(text + 4, sizeof text - 4, format, list);
	va_end(list);
	sys_ioctl(player, 1, text);
}

// Decodes %XX in a name; "%" alone is an empty name.
static char *decode(const char *word)
{
	static char ring[4][400];
	static int turn;
	char *out = ring[turn++ % 4], *end = out;
	for (; *word; word++) {
		unsigned byte;
		if (*word != '%') *end++ = *word;
		else if (sscanf(word + 1, "%2x", &byte) == 1) { *end++ = byte; word += 2; }
	}
	*end = 0;
	return out;
}

static int opened(void)
{
	if (device < 0) device = sys_open("/dev/liveupdate");
	return device;
}

static int session_ioctl(unsigned long command, int *fd, const char *name)
{
	// Both commands use the same structure.
	struct liveupdate_ioctl_create_session argument = { .size = sizeof argument };
	if (opened() < 0) return -1;
	strncpy((char *)argument.name, name, sizeof argument.name);
	if (sys_ioctl(device, command, &argument) < 0) return -1;
	*fd = argument.fd;
	return 0;
}

static int step(char **word, int next)
{
	const char *verb = word[0];
	if (!strcmp(verb, "open")) return opened() < 0 ? -1 : 0;
	if (!strcmp(verb, "open_again")) { int fd = sys_open("/dev/liveupdate"); if (fd >= 0) device = fd; return fd < 0 ? -1 : 0; }
	if (!strcmp(verb, "close_device")) { int result = sys_close(device); device = -1; return result; }
	if (!strcmp(verb, "create")) { char *name = decode(word[1]); return session_ioctl(LIVEUPDATE_IOCTL_CREATE_SESSION, slot(OUTGOING, name), name); }
	if (!strcmp(verb, "retrieve_session")) { char *name = decode(word[1]); return session_ioctl(LIVEUPDATE_IOCTL_RETRIEVE_SESSION, slot(INCOMING, name), name); }
	if (!strcmp(verb, "close")) {
		char *name = decode(word[1]);
		int *fd = slot(INCOMING, name);
		if (*fd < 0) fd = slot(OUTGOING, name);
		int result = sys_close(*fd);
		*fd = -1;
		return result;
	}
	if (!strcmp(verb, "preserve")) {
		struct liveupdate_session_preserve_fd argument = { .size = sizeof argument,
			.fd = *slot(FILES, decode(word[1])), .token = strtoull(word[3], 0, 0) };
		return sys_ioctl(*slot(OUTGOING, decode(word[2])), LIVEUPDATE_SESSION_PRESERVE_FD, &argument);
	}
	if (!strcmp(verb, "retrieve")) {
		struct liveupdate_session_retrieve_fd argument = { .size = sizeof argument, .token = strtoull(word[2], 0, 0) };
		int result = sys_ioctl(*slot(INCOMING, decode(word[1])), LIVEUPDATE_SESSION_RETRIEVE_FD, &argument);
		if (!result && word[3]) *slot(FILES, decode(word[3])) = argument.fd;
		return result;
	}
	if (!strcmp(verb, "finish")) {
		struct liveupdate_session_finish argument = { .size = sizeof argument };
		return sys_ioctl(*slot(INCOMING, decode(word[1])), LIVEUPDATE_SESSION_FINISH, &argument);
	}
	if (!strcmp(verb, "memfd")) {
		int fd = sys_memfd(word[2]);
		*slot(FILES, decode(word[1])) = fd;
		return fd < 0 ? -1 : 0;
	}
	if (!strcmp(verb, "file")) {
		char command[300];
		snprintf(command, sizeof command, "file %s %s", word[2], word[3]);
		int fd = sys_ioctl(player, 1, command);
		*slot(FILES, decode(word[1])) = fd;
		return fd < 0 ? -1 : 0;
	}
	if (!strcmp(verb, "kexec")) return sys_kexec(word[1], next);
	errno = ENOSYS;
	return -1;
}

int main(int argc, char **argv)
{
	bool isRefused = false;
	int number = 0, last = 0, resume = carrier_start(argc, argv);
	char *script = carrier_script(), *line;
	player = sys_open("/dev/luo-player");
	say("up");
	while ((line = strsep(&script, "\n"))) {
		if (number++ < resume || !*line) continue;
		// The steps of each kernel after booting are between "#boot" and "#".
		if (*line == '#') { isRefused = false; continue; }
		if (isRefused) continue;
		char copy[2000], *rest = copy, *word[12] = { 0 };
		int count = 0, result;
		// A leading dot: not a separate step. A question mark: only if the previous step succeeded.
		bool isQuiet = *line == '.', isSkipped = *line == '?' && last;
		strcpy(copy, line + (isQuiet || *line == '?'));
		errno = 0;
		if (isSkipped) result = 0;
		else if (*copy == '!') result = sys_ioctl(player, 1, copy + 1);
		else {
			while (count < 10 && rest) word[count++] = strsep(&rest, " ");
			result = step(word, number);
		}
		if (isQuiet && result >= 0) continue;
		last = result < 0 ? errno : 0;
		isRefused = result < 0 && !strncmp(line, "kexec", 5);
		say("result %d", last);
		sys_ioctl(player, 1, "state");
	}
	say("end");
	carrier_stop();
}
