// SPDX-License-Identifier: GPL-2.0
/*
 * A driver without a device: configurable file handlers and FLBs, for testing live update.
 *
 * /dev/luo-player accepts one command per call, as text: ioctl(fd, 1, "fail iommu preserve 5"). It returns 0, a new file
 * descriptor, or an error. Names have no spaces. Each call of an operation is logged as
 *	player: call NAME OPERATION [DATA] [-ERRNO]
 * and "state" logs the counts of FLBs and the references to owners that have changed since it last logged them.
 */
#define pr_fmt(fmt) "player: " fmt
#include <linux/anon_inodes.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/kexec_handover.h>
#include <linux/list.h>
#include <linux/list_private.h>
#include <linux/liveupdate.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

enum op { PRESERVE, FREEZE, UNFREEZE, UNPRESERVE, RETRIEVE, CAN_FINISH, FINISH, OPS };
static const char *const op_names[OPS] = {
	"preserve", "freeze", "unfreeze", "unpreserve", "retrieve", "can_finish", "finish" };

/* Common to handlers and FLBs. Each of the next calls consumes one error. */
struct part {
	struct list_head list;
	const char *name, *label;
	struct module *owner;
	int errors[OPS][8];
	int pending[OPS];
	/* The last logged counts and references. */
	bool is_logged;
	long long outgoing, incoming, references;
};

struct handler {
	struct part part;
	struct liveupdate_file_ops ops;
	struct liveupdate_file_handler *luo, own;
	const char *accepts;
	u64 freeze_data;
};

struct flb {
	struct part part;
	struct liveupdate_flb_ops ops;
	struct liveupdate_flb luo;
	u64 data;
	const char *payload;
	bool has_object;
};

/* A file with nothing but the name of its handler. */
struct player_file {
	const char *handler;
	u64 data;
};

static LIST_HEAD(handlers);
static LIST_HEAD(flbs);

static int take_error(struct part *part, enum op op)
{
	int err = part->errors[op][0];

	if (!part->pending[op])
		return 0;
	memmove(part->errors[op], part->errors[op] + 1, sizeof(part->errors[op]) - sizeof(int));
	part->pending[op]--;
	return -err;
}

static void log_call(struct part *part, enum op op, const char *data, int err)
{
	if (err)
		pr_info("call %s %s %d\n", part->label, op_names[op], err);
	else
		pr_info("call %s %s%s\n", part->label, op_names[op], data);
}

static void log_data(struct part *part, enum op op, u64 data, int err)
{
	char text[24];

	snprintf(text, sizeof(text), " 0x%llx", (unsigned long long)data);
	log_call(part, op, text, err);
}

/* FLBs: a number, or the address of preserved memory with a text, which is logged instead. */

static void log_flb(struct flb *flb, enum op op, u64 data, int err)
{
	if (flb->payload)
		log_call(&flb->part, op, " payload", err);
	else
		log_data(&flb->part, op, data, err);
}

static int flb_preserve(struct liveupdate_flb_op_args *args)
{
	struct flb *flb = container_of(args->flb, struct flb, luo);
	int err = take_error(&flb->part, PRESERVE);

	if (!err && flb->payload) {
		char *memory = kho_alloc_preserve(PAGE_SIZE);

		err = PTR_ERR_OR_ZERO(memory);
		if (!err) {
			strscpy(memory, flb->payload, PAGE_SIZE);
			args->data = virt_to_phys(memory);
		}
	} else if (!err) {
		args->data = flb->data;
	}
	if (!err && flb->has_object)
		args->obj = flb;
	log_flb(flb, PRESERVE, args->data, err);
	return err;
}

static void flb_unpreserve(struct liveupdate_flb_op_args *args)
{
	struct flb *flb = container_of(args->flb, struct flb, luo);

	log_flb(flb, UNPRESERVE, args->data, 0);
	if (flb->payload)
		kho_unpreserve_free(phys_to_virt(args->data));
}

static int flb_retrieve(struct liveupdate_flb_op_args *args)
{
	struct flb *flb = container_of(args->flb, struct flb, luo);
	int err = take_error(&flb->part, RETRIEVE);

	/* A saturated count hands over data 0: there is no memory. */
	if (!err && flb->payload && !args->data)
		err = -EIO;
	if (!err)
		args->obj = flb;
	log_flb(flb, RETRIEVE, args->data, err);
	if (!err && flb->payload)
		kho_restore_free(phys_to_virt(args->data));
	return err;
}

static void flb_finish(struct liveupdate_flb_op_args *args)
{
	log_call(&container_of(args->flb, struct flb, luo)->part, FINISH, "", 0);
}

/* File handlers. */

static struct handler *handler_of(struct liveupdate_file_handler *luo)
{
	return container_of(luo, struct handler, own);
}

static long player_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
static int file_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}
static const struct file_operations file_fops = { .owner = THIS_MODULE, .release = file_release };

static struct file *make_file(const char *handler, u64 data)
{
	struct player_file *own = kzalloc(sizeof(*own), GFP_KERNEL);
	struct file *file;

	if (!own)
		return ERR_PTR(-ENOMEM);
	own->handler = handler;
	own->data = data;
	file = anon_inode_getfile("luo-player", &file_fops, own, O_RDWR);
	if (IS_ERR(file))
		kfree(own);
	return file;
}

/* Whether NAME is in LIST, which is separated by commas. */
static bool lists(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (; list; list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL)
		if (!strncmp(list, name, length) && (!list[length] || list[length] == ','))
			return true;
	return false;
}

static bool file_can_preserve(struct liveupdate_file_handler *luo, struct file *file)
{
	struct player_file *own = file->private_data;

	return file->f_op == &file_fops && lists(handler_of(luo)->accepts, own->handler);
}

static int file_preserve(struct liveupdate_file_op_args *args)
{
	struct player_file *own = args->file->private_data;
	struct handler *handler = handler_of(args->handler);
	int err = take_error(&handler->part, PRESERVE);

	if (!err)
		args->serialized_data = own->data;
	log_data(&handler->part, PRESERVE, own->data, err);
	return err;
}

static void file_unpreserve(struct liveupdate_file_op_args *args)
{
	log_data(&handler_of(args->handler)->part, UNPRESERVE, args->serialized_data, 0);
}

static int file_freeze(struct liveupdate_file_op_args *args)
{
	struct handler *handler = handler_of(args->handler);
	int err = take_error(&handler->part, FREEZE);

	/* Changes made by a failed freeze are discarded. */
	if (handler->freeze_data)
		args->serialized_data = handler->freeze_data;
	log_data(&handler->part, FREEZE, args->serialized_data, err);
	return err;
}

static void file_unfreeze(struct liveupdate_file_op_args *args)
{
	log_data(&handler_of(args->handler)->part, UNFREEZE, args->serialized_data, 0);
}

static int file_retrieve(struct liveupdate_file_op_args *args)
{
	struct handler *handler = handler_of(args->handler);
	int err = take_error(&handler->part, RETRIEVE);

	if (!err) {
		args->file = make_file(handler->part.name, args->serialized_data);
		err = PTR_ERR_OR_ZERO(args->file);
	}
	log_data(&handler->part, RETRIEVE, args->serialized_data, err);
	return err;
}

/* Do not log a yes. */
static bool file_can_finish(struct liveupdate_file_op_args *args)
{
	struct handler *handler = handler_of(args->handler);
	int err = take_error(&handler->part, CAN_FINISH);

	if (err)
		log_call(&handler->part, CAN_FINISH, "", err);
	return !err;
}

static void file_finish(struct liveupdate_file_op_args *args)
{
	log_data(&handler_of(args->handler)->part, FINISH, args->serialized_data, 0);
}

/* Commands. */

static struct part *find(struct list_head *parts, const char *name)
{
	struct part *part;

	list_for_each_entry(part, parts, list)
		if (!strcmp(part->name, name))
			return part;
	return NULL;
}

/* The memfd handler was the first one registered, long before any of ours. */
static struct liveupdate_file_handler *memfd_handler(struct liveupdate_file_handler *ours)
{
	return list_private_entry(ACCESS_PRIVATE(ours, list).prev, struct liveupdate_file_handler, list);
}

static struct module *make_owner(void)
{
	struct module *owner = kzalloc(sizeof(*owner), GFP_KERNEL);

	if (owner) {
		owner->state = MODULE_STATE_LIVE;
		atomic_set(&owner->refcnt, 1);
	}
	return owner;
}

static void init_part(struct part *part, struct list_head *parts, char **word)
{
	part->name = kstrdup(word[1], GFP_KERNEL);
	part->label = kstrdup(word[2], GFP_KERNEL);
	if (strcmp(word[3], "built-in"))
		part->owner = make_owner();
	list_add_tail(&part->list, parts);
}

/* handler NAME COMPATIBLE owner|built-in LACKS ACCEPTS FREEZE-DATA */
static int define_handler(char **word)
{
	struct handler *handler = kzalloc(sizeof(*handler), GFP_KERNEL);

	if (!handler)
		return -ENOMEM;
	init_part(&handler->part, &handlers, word);
	handler->ops = (struct liveupdate_file_ops){
		.can_preserve = lists(word[4], "can_preserve") ? NULL : file_can_preserve,
		.preserve = lists(word[4], "preserve") ? NULL : file_preserve,
		.unpreserve = lists(word[4], "unpreserve") ? NULL : file_unpreserve,
		.retrieve = lists(word[4], "retrieve") ? NULL : file_retrieve,
		.finish = lists(word[4], "finish") ? NULL : file_finish,
		.freeze = lists(word[4], "freeze") ? NULL : file_freeze,
		.unfreeze = lists(word[4], "unfreeze") ? NULL : file_unfreeze,
		.can_finish = lists(word[4], "can_finish") ? NULL : file_can_finish,
		.owner = handler->part.owner };
	handler->accepts = kstrdup(word[5], GFP_KERNEL);
	handler->own.ops = &handler->ops;
	handler->luo = &handler->own;
	strscpy((char *)handler->own.compatible, handler->part.label, sizeof(handler->own.compatible));
	return kstrtou64(word[6], 0, &handler->freeze_data);
}

/* flb NAME COMPATIBLE owner|built-in LACKS DATA object|none PAYLOAD */
static int define_flb(char **word)
{
	struct flb *flb = kzalloc(sizeof(*flb), GFP_KERNEL);

	if (!flb)
		return -ENOMEM;
	init_part(&flb->part, &flbs, word);
	flb->ops = (struct liveupdate_flb_ops){
		.preserve = lists(word[4], "preserve") ? NULL : flb_preserve,
		.unpreserve = lists(word[4], "unpreserve") ? NULL : flb_unpreserve,
		.retrieve = lists(word[4], "retrieve") ? NULL : flb_retrieve,
		.finish = lists(word[4], "finish") ? NULL : flb_finish,
		.owner = flb->part.owner };
	flb->luo.ops = &flb->ops;
	flb->has_object = !strcmp(word[6], "object");
	flb->payload = word[7] ? kstrdup(word[7], GFP_KERNEL) : NULL;
	strscpy((char *)flb->luo.compatible, flb->part.label, sizeof(flb->luo.compatible));
	return kstrtou64(word[5], 0, &flb->data);
}

static int fail(char **word)
{
	struct part *part = find(&flbs, word[1]) ?: find(&handlers, word[1]);
	int op;

	for (op = 0; part && op < OPS; op++)
		if (!strcmp(op_names[op], word[2]) && part->pending[op] < 8)
			return kstrtoint(word[3], 0, &part->errors[op][part->pending[op]++]);
	return -ESRCH;
}

static int install(struct file *file)
{
	int fd;

	if (IS_ERR(file))
		return PTR_ERR(file);
	fd = get_unused_fd_flags(O_CLOEXEC);
	fd_install(fd, file);
	return fd;
}

static void log_counts(struct flb *flb)
{
	struct luo_flb_private *p = &ACCESS_PRIVATE(&flb->luo, private);
	long long outgoing = READ_COUNT(p->outgoing.count), incoming = READ_COUNT(p->incoming.count);

	if (flb->part.is_logged && outgoing == flb->part.outgoing && incoming == flb->part.incoming)
		return;
	pr_info("count %s %lld %lld\n", flb->part.name, outgoing, incoming);
	flb->part.outgoing = outgoing;
	flb->part.incoming = incoming;
}

static void log_owner(struct part *part)
{
	long long references = part->owner ? atomic_read(&part->owner->refcnt) - 1 : 0;

	if (part->owner && !(part->is_logged && references == part->references))
		pr_info("owner %s %lld\n", part->name, references);
	part->references = references;
	part->is_logged = true;
}

static void log_state(void)
{
	struct flb *flb;
	struct handler *handler;

	list_for_each_entry(flb, &flbs, part.list)
		log_counts(flb);
	list_for_each_entry(flb, &flbs, part.list)
		log_owner(&flb->part);
	list_for_each_entry(handler, &handlers, part.list)
		log_owner(&handler->part);
}

static int run(char **word)
{
	struct handler *handler = NULL;
	struct flb *flb = NULL;
	void *object = NULL;
	int err = 0;

	if (!strcmp(word[0], "say")) {
		pr_info("%s %s\n", word[1], word[2] ?: "");
		return 0;
	}
	if (!strcmp(word[0], "nothing"))
		return 0;
	if (!strcmp(word[0], "handler"))
		return define_handler(word);
	if (!strcmp(word[0], "flb"))
		return define_flb(word);
	if (!strcmp(word[0], "fail"))
		return fail(word);
	if (!strcmp(word[0], "state")) {
		log_state();
		return 0;
	}
	if (!strcmp(word[0], "file")) {
		u64 data;

		err = kstrtou64(word[2], 0, &data);
		return err ?: install(make_file(kstrdup(word[1], GFP_KERNEL), data));
	}
	if (!strcmp(word[0], "going")) {
		struct part *part = find(&flbs, word[1]) ?: find(&handlers, word[1]);

		if (!part || !part->owner)
			return -ESRCH;
		part->owner->state = word[2][0] == '1' ? MODULE_STATE_GOING : MODULE_STATE_LIVE;
		return 0;
	}
	if (word[1] && find(&flbs, word[1]))
		flb = container_of(find(&flbs, word[1]), struct flb, part);
	if (word[flb ? 2 : 1] && find(&handlers, word[flb ? 2 : 1]))
		handler = container_of(find(&handlers, word[flb ? 2 : 1]), struct handler, part);
	if (!strcmp(word[0], "register_handler"))
		return liveupdate_register_file_handler(handler->luo);
	if (!strcmp(word[0], "unregister_handler")) {
		liveupdate_unregister_file_handler(handler->luo);
		return 0;
	}
	/* The kernel's own handler, found once one of ours is registered. It has its own operations, so only FLBs apply. */
	if (!strcmp(word[0], "memfd"))
		handler->luo = memfd_handler(&handler->own);
	else if (!strcmp(word[0], "register_flb"))
		return liveupdate_register_flb(handler->luo, &flb->luo);
	else if (!strcmp(word[0], "unregister_flb"))
		liveupdate_unregister_flb(handler->luo, &flb->luo);
	else if (!strcmp(word[0], "get_outgoing"))
		err = liveupdate_flb_get_outgoing(&flb->luo, &object);
	else if (!strcmp(word[0], "get_incoming"))
		err = liveupdate_flb_get_incoming(&flb->luo, &object);
#ifdef PUT_OUTGOING
	else if (!strcmp(word[0], "put_outgoing"))
		liveupdate_flb_put_outgoing(&flb->luo);
#endif
#ifdef PUT_INCOMING
	else if (!strcmp(word[0], "put_incoming"))
		liveupdate_flb_put_incoming(&flb->luo);
#endif
	else
		return -ENOSYS;
	return err;
}

static long player_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	char *text, *rest, *word[10] = {};
	long result = -EINVAL;
	int count = 0;

	text = strndup_user((const char __user *)arg, PAGE_SIZE);
	if (IS_ERR(text))
		return PTR_ERR(text);
	rest = text;
	while (count < 8 && rest && *rest)
		word[count++] = strsep(&rest, " ");
	if (count)
		result = run(word);
	kfree(text);
	return result;
}

static const struct file_operations player_fops = { .owner = THIS_MODULE, .unlocked_ioctl = player_ioctl };
static struct miscdevice player_device = {
	.minor = MISC_DYNAMIC_MINOR, .name = "luo-player", .fops = &player_fops };

static int __init player_init(void)
{
	return misc_register(&player_device);
}
late_initcall(player_init);
