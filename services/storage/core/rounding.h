/* Decimals of replies, rounded as the replaced service rounded them. */
#ifndef STORAGE_CORE_ROUNDING_H
#define STORAGE_CORE_ROUNDING_H

#define ROUNDING_DECIMALS_MAX 9

/*
 * The double nearest to `value` rounded to so many decimals, as Python's round(): the exact value
 * decides, and of two equally near ones the even one. A value that is not finite stays.
 */
double round_decimals(double value, unsigned int decimals);

#endif
