// reset-with WORDS: restarts a Raspberry Pi with words for its firmware, for which the first program has no safe way.
// reboot(0xfee1dead, 0x28121969, LINUX_REBOOT_CMD_RESTART2, WORDS); ends with the number of the error if it returns.
	.global _start
_start:
	ldr x0, =0xfee1dead
	ldr x1, =0x28121969
	ldr x2, =0xa1b2c3d4
	// The stack begins with the number of arguments and this program's name.
	ldr x3, [sp, #16]
	mov x8, #142
	svc #0
	neg x0, x0
	mov x8, #93
	svc #0
