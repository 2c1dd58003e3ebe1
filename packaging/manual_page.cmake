# Writes PAGE, a manual page out of what `PROGRAM --help` says, compressed as PAGE.gz.
execute_process(COMMAND "${PROGRAM}" --help OUTPUT_VARIABLE help COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${PROGRAM}" --version OUTPUT_VARIABLE version OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE "\\" "\\e" help "${help}")
string(REPLACE "-" "\\-" help "${help}")
string(REGEX REPLACE "(^|\n)([.'])" "\\1\\\\&\\2" help "${help}") # no line may look like a request
file(WRITE "${PAGE}" ".TH CHEXWORLD 1 \"\" \"${version}\"
.SH NAME
chexworld \\- a world model for chest radiographs, at work in a PACS
.SH SYNOPSIS
.B chexworld
.I COMMAND
[options]
.SH COMMANDS
.nf
${help}.fi
.SH SEE ALSO
chexworld COMMAND \\-\\-help, /usr/share/doc/chexworld
")
execute_process(COMMAND "${GZIP}" -9nf "${PAGE}" COMMAND_ERROR_IS_FATAL ANY)
